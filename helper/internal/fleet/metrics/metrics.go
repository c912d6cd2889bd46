// Package metrics says how a fleet's dumps stand in Prometheus' text format: in a file for node_exporter's textfile
// collector, or over HTTP while a run goes on.
package metrics

import (
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// Board is what is measured. It may be used by several goroutines. The zero value measures nothing yet.
type Board struct {
	mutex    sync.Mutex
	projects []fleet.ProjectStatus
	run      Run
}

// Run is what is measured of one run. Sizes are in bytes.
type Run struct {
	Started time.Time
	// Ended is zero while the run goes on.
	Ended time.Time
	// Results count the projects by what came of them.
	Results map[fleet.State]int
	// Waiting and Running count those that nothing has come of yet.
	Waiting, Running int
	// PublishedBytes is the size of all dumps that were published.
	PublishedBytes int64
}

// Show puts projects on the board, each in place of what was known of it.
func (b *Board) Show(projects ...fleet.ProjectStatus) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, project := range projects {
		at := slices.IndexFunc(b.projects, func(known fleet.ProjectStatus) bool { return known.Place == project.Place })
		if at < 0 {
			b.projects = append(b.projects, project)
		} else {
			b.projects[at] = project
		}
	}
}

// ShowRun puts on the board how far the run has come.
func (b *Board) ShowRun(run Run) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	run.Results = maps.Clone(run.Results)
	b.run = run
}

// states are all that may come of a project.
var states = []fleet.State{fleet.Published, fleet.Unchanged, fleet.Fresh, fleet.Failed, fleet.NotRun}

// Write writes all of it.
func (b *Board) Write(w io.Writer) error {
	b.mutex.Lock()
	projects, run := slices.Clone(b.projects), b.run
	b.mutex.Unlock()
	slices.SortFunc(projects, byName)

	var text text
	text.projects(projects)
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
	each("checked_timestamp_seconds", "When the newest dump was last known to be as staging is.",
		func(p fleet.ProjectStatus) (float64, bool) { return unix(p.Checked), p.Key != "" })
	each("age_seconds", "Time since checked_timestamp_seconds, when the project was looked at.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.Age), p.Key != "" })
	each("max_age_seconds", "What age_seconds may be.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.MaxAge), p.MaxAge > 0 })
	each("newest_dump_size_bytes", "Size of the newest dump in the bucket.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.ObjectBytes), p.Key != "" })
	each("refresh_duration_seconds", "How long the last refresh that published a dump took.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.Took), p.Took > 0 })
	each("failures", "Refreshes that failed since one did not.",
		func(p fleet.ProjectStatus) (float64, bool) { return float64(p.Failures), true })

	t.family("verdict", "What the project's dumps are found to be; 1 for what is true.")
	for _, p := range projects {
		for _, verdict := range fleet.Verdicts {
			t.sample(truth(p.Verdict == verdict), append(of(p), label{"verdict", string(verdict)})...)
		}
	}
	if slices.ContainsFunc(projects, func(p fleet.ProjectStatus) bool { return len(p.Bakes) > 0 }) {
		t.family("baked", "Whether the newest dump is baked for a series of servers; 1 for what is true.")
		for _, p := range projects {
			for _, series := range p.Bakes {
				t.sample(truth(slices.Contains(p.Baked, series)), append(of(p), label{"series", series})...)
			}
		}
	}
	t.family("last_result", "What came of the last refresh by a fleet; 1 for what is true.")
	for _, p := range projects {
		for _, state := range states {
			if state != fleet.NotRun { // is not part of a history
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
	t.family("run_projects", "The run's projects by what has come of them so far.")
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

func unix(moment time.Time) float64 { return float64(moment.UnixMilli()) / 1000 }
