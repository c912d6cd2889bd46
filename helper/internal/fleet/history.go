package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// History records a project's refreshes by a fleet, in the object PREFIX/.dump-refresh/NAME.history.json. Each refresh
// adds to it. `fleet status` and `fleet report` read it, and `fleet refresh` uses it to begin with the longest refreshes.
// Losing it costs nothing but that knowledge.
type History struct {
	// Version is 1. A reader that finds a higher one treats the history as empty.
	Version int    `json:"version"`
	Project string `json:"project"`
	// MaxAge is the target in force when the last entry was written, in seconds.
	MaxAge float64 `json:"max_age"`
	// Checked is when the newest dump was last known to match staging: when it was made, or when staging was found
	// unchanged.
	Checked time.Time `json:"checked,omitzero"`
	// Runs are the last ones, the oldest first, at most mostRuns.
	Runs []Run `json:"runs"`
	// Bake is the result of the last bake; nil if there was none.
	Bake *Baking `json:"bake,omitempty"`
	// Notified is what people have been told about the project.
	Notified Notified `json:"notified,omitzero"`
	// Fresh is when the newest dump was younger than MaxAge, the oldest first. It goes back further than Runs.
	Fresh []Span `json:"fresh,omitempty"`
	// Restored is the last check of a dump by restoring it; nil if there was none.
	Restored *Restored `json:"restored,omitempty"`
	// Pause is why a fleet leaves the project alone; nil if it never was told to.
	Pause *Pause `json:"pause,omitempty"`
	// Source is the address of the database that the last published dump was made of.
	Source secret.Fingerprint `json:"source,omitempty"`

	// confirmed is when a refresh outside of the fleet last found staging to be as in the newest dump; zero if nobody has asked.
	confirmed time.Time
}

// known is when the newest dump was last known to match staging. The history only counts if it is about that dump.
func (h *History) known(newest *bucket.Object, now time.Time) time.Time {
	known := newest.Time
	if h.checks(newest.Key) && h.Checked.After(known) && !clock.IsFuture(h.Checked, now) {
		known = h.Checked
	}
	if h.confirmed.After(known) {
		known = h.confirmed
	}
	return known
}

// checks reports whether Checked is about this dump, and not about one that has been deleted since.
func (h *History) checks(key string) bool {
	for _, run := range slices.Backward(h.Runs) {
		if run.State == Published || run.State == Unchanged {
			return run.Key == "" || run.Key == key
		}
	}
	return true
}

// failed reports whether the last refresh has failed.
func (h *History) failed() bool {
	for _, run := range slices.Backward(h.Runs) {
		if run.State != NotRun {
			return run.State == Failed
		}
	}
	return false
}

// askConfirmation asks the bucket whether a refresh outside of the fleet has confirmed the newest dump. It does not ask if the dump is younger
// than due, and the fleet's last refresh went well.
func (h *History) askConfirmation(ctx context.Context, store *bucket.Bucket, newest *bucket.Object, due time.Duration) error {
	if clock.Younger(h.known(newest, store.Now()), store.Now(), due) && !h.failed() {
		return nil
	}
	found, err := store.Confirmation(ctx, *newest)
	if found != nil {
		h.confirmed = found.Time
	}
	return err
}

// mostRuns bounds a history.
const mostRuns = 60

// Run is one refresh of one project, with all its tries. Started and Seconds are those of the last try, because that is
// how long the next refresh will take.
type Run struct {
	Started time.Time `json:"started,omitzero"`
	Seconds float64   `json:"seconds"`
	Tries   int       `json:"tries"`
	Outcome
	// Error and Hint are what a user would have read. Neither contains a secret.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// The runs of each project that a fleet keeps in memory: the last ones, and those that say how long a refresh takes.
const (
	recentRuns      = 12
	recentPublished = 8
)

// recent returns a history without what a run of the fleet does not need. There may be thousands of them.
func (h History) recent() History {
	var kept []Run
	published := 0
	for i, run := range slices.Backward(h.Runs) {
		if run.State == Published {
			published++
		}
		if i >= len(h.Runs)-recentRuns || run.State == Published && published <= recentPublished {
			kept = append(kept, run)
		}
	}
	slices.Reverse(kept)
	h.Runs = slices.Clip(kept)
	return h
}

// Add appends a run, and drops the oldest if there are too many.
func (h *History) Add(run Run) {
	h.Fresh = h.covered(run)
	h.Runs = append(h.Runs, run)
	if over := len(h.Runs) - mostRuns; over > 0 {
		h.Runs = h.Runs[over:]
	}
	if run.State == Published || run.State == Unchanged {
		h.Checked = run.Started
	}
}

// Expected estimates how long the next refresh takes: the median of the last few that published. It returns false if
// there is none.
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
