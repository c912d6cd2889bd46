// Package fleet keeps the dumps of many projects fresh: whose turn it is, how many at once, what came of it, and who
// is told. What one project needs is handed in: this package knows no settings and makes no dump itself.
package fleet

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Project is one project of the fleet.
type Project struct {
	// Name is the project's own, which need not be the only one of that name in the fleet; Place is where its settings
	// come from, a folder or a Git URL, and is.
	Name, Place string
	// Store is the folder of its dumps, as s3://bucket/prefix.
	Store string
	// Host is the staging server that its rows come from, host:port; empty where that is not known.
	Host string
	Policy
	// Problem is why the project cannot be refreshed at all: settings that are missing or wrong. All that follows is
	// nil then.
	Problem error
	// Open opens the bucket.
	Open func(context.Context) (*bucket.Bucket, error)
	// Refresh publishes a fresh dump, unless staging has not changed since the newest one, or that one is younger than
	// Policy.Due says.
	Refresh func(context.Context, Turn) (Outcome, error)
	// Bakes are the series of servers that its dumps are baked for, as in "mariadb-11.8". Bake bakes the dump with that key for
	// all of them, and says for which it is baked now; nil where there are none.
	Bakes []string
	Bake  func(ctx context.Context, key string, progress Progress) ([]string, error)
}

// Policy is what fleet.yaml says of a project, or of all.
type Policy struct {
	// MaxAge is how old the newest dump may be.
	MaxAge time.Duration
	// TimeLimit is how long one try may take; 0 is no limit.
	TimeLimit time.Duration
	// Retries is how often a refresh that failed is tried again.
	Retries int
}

// Due is how old a newest dump is when it is time for another one. That is before MaxAge, so that a schedule that runs
// once in MaxAge finds each dump due, and does not pass over those that were made a minute later than the others.
func (p Policy) Due() time.Duration { return p.MaxAge * 3 / 4 }

// Turn is a project's place among those that are being refreshed.
type Turn interface {
	Progress
	// Yield gives the place to another project while somebody else's refresh of this one is waited for.
	Yield(holder string)
	// Resume waits for a place again, and begins the time limit anew.
	Resume(context.Context) error
}

// Progress is told how far the refresh of one project has come.
type Progress interface {
	// Phase begins a stretch of work of about total bytes, 0 if nobody knows.
	Phase(name string, total int64)
	// Advance says that n more bytes of it are done.
	Advance(n int64)
	// Note says one line.
	Note(line string)
}

// State is what came of a project in a run.
type State string

const (
	// Published means that a fresh dump was published.
	Published State = "published"
	// Unchanged means that staging is as it was when the newest dump was made.
	Unchanged State = "unchanged"
	// Fresh means that the newest dump is young enough, or that somebody else has just made it.
	Fresh State = "fresh"
	// Failed means that the last try failed.
	Failed State = "failed"
	// NotRun means that the run ended before the project's turn, or in its middle.
	NotRun State = "not run"
)

// Good says whether the project's newest dump is as it should be.
func (s State) Good() bool { return s == Published || s == Unchanged || s == Fresh }

// Outcome is what came of a project. Sizes are in bytes.
type Outcome struct {
	State        State     `json:"state"`
	Key          string    `json:"key,omitempty"` // of the newest dump
	SnapshotTime time.Time `json:"snapshot_time,omitzero"`
	ObjectBytes  int64     `json:"object_bytes,omitempty"`
	RawBytes     int64     `json:"raw_bytes,omitempty"`
	Tables       int64     `json:"tables,omitempty"`
	Rows         int64     `json:"rows,omitempty"`
}
