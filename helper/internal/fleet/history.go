package fleet

import "time"

// History is what a project's bucket knows of its refreshes by a fleet: the object PREFIX/.dump-refresh/NAME.history.json.
// It is written after each try by whoever made it, and read by `fleet status` and `fleet report` of everybody, and by
// `fleet refresh` to begin with those that take longest. That it is lost costs nothing but that knowledge.
type History struct {
	// Version is 1; a reader that finds a higher one takes the history for empty.
	Version int    `json:"version"`
	Project string `json:"project"`
	// MaxAge is the target in force when the last entry was written, in seconds.
	MaxAge float64 `json:"max_age"`
	// Checked is when the newest dump was last known to be as staging is: when it was made, or when staging was found
	// unchanged.
	Checked time.Time `json:"checked,omitzero"`
	// Runs are the last ones, the oldest first, at most mostRuns.
	Runs []Run `json:"runs"`
	// Bake is what came of the last bake; nil where there was none.
	Bake *Baking `json:"bake,omitempty"`
	// Told is what people have been told of the project.
	Told Told `json:"told,omitzero"`
}

// mostRuns bounds a history.
const mostRuns = 60

// Run is one refresh of one project, with all its tries. Started and Seconds are those of the last try: they are what
// the next refresh will take.
type Run struct {
	Started time.Time `json:"started,omitzero"`
	Seconds float64   `json:"seconds"`
	Tries   int       `json:"tries"`
	Outcome
	// Error and Hint are what a user would have read; neither holds a secret.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// Add puts a run behind the others.
func (h *History) Add(run Run) {
	h.Runs = append(h.Runs, run)
	if over := len(h.Runs) - mostRuns; over > 0 {
		h.Runs = h.Runs[over:]
	}
	if run.State == Published || run.State == Unchanged {
		h.Checked = run.Started
	}
}

// Expected is how long the next refresh takes, by the median of the last few that published; false where none is known.
func (h *History) Expected() (time.Duration, bool) {
	var seconds []float64
	for i := len(h.Runs) - 1; i >= 0 && len(seconds) < 5; i-- {
		if h.Runs[i].State == Published {
			seconds = append(seconds, h.Runs[i].Seconds)
		}
	}
	if len(seconds) == 0 {
		return 0, false
	}
	return time.Duration(median(seconds) * float64(time.Second)), true
}
