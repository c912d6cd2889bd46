// Package metrics publishes the state of a fleet's dumps in Prometheus' text format: in a file for node_exporter's
// textfile collector, or over HTTP during a run.
package metrics

import (
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// Board holds the measurements. Several goroutines may use it. The zero value is empty.
type Board struct {
	mutex    sync.Mutex
	projects []fleet.ProjectStatus
	run      Run
	looked   time.Time
}

// Run holds the measurements of one run. Sizes are in bytes.
type Run struct {
	Started time.Time
	// Ended is zero during the run.
	Ended time.Time
	// Results counts the finished projects by state.
	Results map[fleet.State]int
	// Waiting and Running count the others.
	Waiting, Running int
	// PublishedBytes is the total size of the published dumps.
	PublishedBytes int64
}

// Show updates projects on the board.
func (b *Board) Show(projects ...fleet.ProjectStatus) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, project := range projects {
		at := slices.IndexFunc(b.projects, func(known fleet.ProjectStatus) bool { return known.Slot == project.Slot })
		if at < 0 {
			b.projects = append(b.projects, project)
		} else {
			b.projects[at] = project
		}
	}
}

// ShowLook says that all projects were looked at, at that time.
func (b *Board) ShowLook(at time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.looked = at
}

// ShowRun updates the run on the board.
func (b *Board) ShowRun(run Run) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	run.Results = maps.Clone(run.Results)
	b.run = run
}

// states are all results that a project may have.
var states = []fleet.State{fleet.Published, fleet.Unchanged, fleet.Fresh, fleet.Failed, fleet.Paused, fleet.NotRun}

// Write writes all metrics.
func (b *Board) Write(w io.Writer) error {
	b.mutex.Lock()
	projects, run, looked := slices.Clone(b.projects), b.run, b.looked
	b.mutex.Unlock()
	slices.SortFunc(projects, byName)

	var text text
	text.projects(projects)
	if !looked.IsZero() {
		text.family("looked_timestamp_seconds", "When all projects were looked at.")
		text.sample(unix(looked))
	}
	if !run.Started.IsZero() {
		text.run(run)
	}
	_, err := w.Write(text.written.Bytes())
	return err
}

func (t *text) projects(projects []fleet.ProjectStatus) {
	each := func(name, help string, value func(fleet.ProjectStatus) (float64, bool)) {
		t.family(name, help)
		for _, p := range projects {
			if value, known := value(p); known {
				t.sample(value, of(p)...)
			}
		}
	}
	each("newest_dump_timestamp_seconds", "When the rows of the newest dump were read.",
		func(p fleet.ProjectStatus) (float64, bool) { return unix(p.SnapshotTime), p.Key != "" })
	each("checked_timestamp_seconds", "When the newest dump was last known to match staging.",
		func(p fleet.ProjectStatus) (float64, bool) { return unix(p.Checked), p.Key != "" })
	each("age_seconds", "Time since checked_timestamp_seconds, when the project was looked at.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.Age), p.Key != "" })
	each("max_age_seconds", "The most that age_seconds may be.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.MaxAge), p.MaxAge > 0 })
	each("newest_dump_size_bytes", "Size of the newest dump in the bucket.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.ObjectBytes), p.Key != "" })
	each("refresh_duration_seconds", "How long the last refresh that published a dump took.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.Took), p.Took > 0 })
	each("failures", "Refreshes that failed since the last success.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.Failures), true })
	each("known_broken", "Whether it is known that the project is not fresh; 1 if it is.",
		func(p fleet.ProjectStatus) (float64, bool) { return truth(!p.KnownBroken.IsZero()), true })

	if slices.ContainsFunc(projects, func(p fleet.ProjectStatus) bool { return p.Restored != nil }) {
		each("restored_timestamp_seconds", "When one of the project's dumps was last restored to check it.",
			func(p fleet.ProjectStatus) (float64, bool) { return restoredAt(p), p.Restored != nil })
		each("restored_well", "Whether that dump was as it should be; 1 if it was.",
			func(p fleet.ProjectStatus) (float64, bool) {
				return truth(p.Restored != nil && p.Restored.Error == ""), p.Restored != nil
			})
	}
	if slices.ContainsFunc(projects, func(p fleet.ProjectStatus) bool { return p.Pause != nil }) {
		t.family("paused_until_timestamp_seconds", "When the pause of a project ends.")
		for _, p := range projects {
			if p.Pause != nil {
				t.sample(unix(p.Pause.Until), of(p)...)
			}
		}
	}

	t.family("verdict", "The state of the project's dumps; 1 for the verdict that is true.")
	for _, p := range projects {
		for _, verdict := range fleet.Verdicts {
			t.sample(truth(p.Verdict == verdict), append(of(p), label{"verdict", string(verdict)})...)
		}
	}
	if slices.ContainsFunc(projects, func(p fleet.ProjectStatus) bool { return len(p.Bakes) > 0 }) {
		t.family("baked", "Whether the newest dump is baked for a series of servers; 1 if it is.")
		for _, p := range projects {
			for _, series := range p.Bakes {
				t.sample(truth(slices.Contains(p.Baked, series)), append(of(p), label{"series", series})...)
			}
		}
	}
	t.family("last_result", "The result of the last refresh by a fleet; 1 for the result that is true.")
	for _, p := range projects {
		for _, state := range states {
			if state != fleet.NotRun && state != fleet.Paused { // never part of a history
				t.sample(truth(p.LastResult == state), append(of(p), label{"result", string(state)})...)
			}
		}
	}
}

func (t *text) run(run Run) {
	t.family("run_started_timestamp_seconds", "When the run began.")
	t.sample(unix(run.Started))
	if !run.Ended.IsZero() {
		t.family("run_ended_timestamp_seconds", "When the run ended.")
		t.sample(unix(run.Ended))
		t.family("run_duration_seconds", "How long the run took.")
		t.sample(run.Ended.Sub(run.Started).Seconds())
	}
	t.family("run_projects", "The run's projects by result so far.")
	for _, state := range states {
		t.sample(float64(run.Results[state]), label{"result", string(state)})
	}
	t.sample(float64(run.Running), label{"result", "running"})
	t.sample(float64(run.Waiting), label{"result", "waiting"})
	t.family("run_published_bytes", "Size of the dumps that the run has published so far.")
	t.sample(float64(run.PublishedBytes))
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func restoredAt(p fleet.ProjectStatus) float64 {
	if p.Restored == nil {
		return 0
	}
	return unix(p.Restored.Time)
}

func unix(moment time.Time) float64 { return float64(moment.UnixMilli()) / 1000 }
