// Package fleet keeps the dumps of many projects fresh. It decides which projects are due and how many run at once,
// collects the results and sends notifications. It knows no settings and makes no dumps: the caller supplies
// functions for that.
package fleet

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Project is one project of the fleet.
type Project struct {
	// Name is the project's own name. Others in the fleet may have the same. Slot identifies the project in the fleet: it
	// is the folder or Git URL that its settings come from.
	Name, Slot string
	// Store is the folder of its dumps, as s3://bucket/prefix.
	Store string
	// Place is where its dumps are, down to the name that their keys begin with. Repository is the URL that its settings come from, if
	// any. Pinned means that its name is the operator's.
	Place, Repository string
	Pinned            bool
	// Around is the folder, as s3://bucket/prefix, in which dumps of other projects of the fleet are, too: the one that {name} in a prefix
	// stands in, or else its own.
	Around string
	// Source is the address of what it dumps, without secrets; empty if it is a command, which is in Command.
	Source, Command string
	// Host is the staging server that its rows come from, as host:port; empty if unknown.
	Host string
	Policy
	// Forced means that it is due, whatever its newest dump is.
	Forced bool
	// Problem is why the project cannot be refreshed at all: settings are missing or wrong. Then all fields below are
	// nil.
	Problem error
	// Open opens the bucket.
	Open func(context.Context) (*bucket.Bucket, error)
	// Refresh publishes a fresh dump, unless staging has not changed since the newest one, or the newest one is younger
	// than Policy.Due.
	Refresh func(context.Context, Turn) (Outcome, error)
	// Changed asks staging whether it has changed since it had an earlier state, "" for an unknown one, and returns the present one. A database
	// that can never tell has not changed. It is nil where nobody can be asked.
	Changed func(ctx context.Context, since string) (now string, changed bool, err error)
	// Seen means that staging has changed, so that the project is due.
	Seen bool
	// Prune deletes the dumps that the project's retention does not keep, or only finds them. say gets a line about each.
	Prune func(ctx context.Context, dryRun bool, say func(string)) (Pruned, error)
	// Restore loads a dump into a throw-away server and compares what is there afterwards. progress is told how far it is.
	Restore func(ctx context.Context, key string, progress dump.Progress) (Restored, error)
	// Bakes are the series of servers that its dumps are baked for, as in "mariadb-11.8". Bake bakes the dump with that key
	// for all of them and returns the series for which it is baked now. It is nil if there are none.
	Bakes []string
	Bake  func(ctx context.Context, key string, progress dump.Progress) ([]string, error)
}

// Policy is what fleet.yaml says about one project, or about all.
type Policy struct {
	// MaxAge is how old the newest dump may be.
	MaxAge time.Duration
	// RenewAfter is the age at which it is renewed, if that is earlier than Due would be; 0 is none.
	RenewAfter time.Duration
	// MinInterval is the least time between two dumps of a project that is watched.
	MinInterval time.Duration
	// TimeLimit is how long one try may take; 0 is no limit.
	TimeLimit time.Duration
	// Retries is how often a refresh that failed is tried again.
	Retries int
	// Remind is how long after a message about a project that is failing or stale people are told again; 0 is never.
	Remind time.Duration
	// KnownBroken is until when its failures are known, so that they are no news and not the fleet's failure; zero if they are not.
	KnownBroken time.Time
	// SkipBroken leaves out what nobody can read on staging, and publishes the rest.
	SkipBroken bool
}

// Due is the age at which a newest dump is due for renewal. It is less than MaxAge, so that a schedule that runs once per
// MaxAge finds every dump due, also those that were made a minute later than the others.
func (p Policy) Due() time.Duration {
	if usual := p.MaxAge * 3 / 4; p.RenewAfter == 0 || p.RenewAfter > usual {
		return usual
	}
	return p.RenewAfter
}

// knownBroken is when KnownBroken ends; zero if it has ended.
func (p Policy) knownBroken(now time.Time) time.Time {
	if now.Before(p.KnownBroken) {
		return p.KnownBroken
	}
	return time.Time{}
}

// Turn is a project's turn to refresh, for which it holds a slot.
type Turn interface {
	dump.Progress
	// Yield frees the slot for another project while this one waits for somebody else to refresh it.
	Yield(holder string)
	// Resume waits for a slot again and restarts the time limit.
	Resume(context.Context) error
}

// State is the result of a project in a run.
type State string

const (
	// Published means that a fresh dump was published.
	Published State = "published"
	// Unchanged means that staging has not changed since the newest dump.
	Unchanged State = "unchanged"
	// Fresh means that the newest dump is young enough, or that somebody else has just made it.
	Fresh State = "fresh"
	// Failed means that the last try failed.
	Failed State = "failed"
	// Paused means that the fleet was told to leave the project alone. It is in no history.
	Paused State = "paused"
	// NotRun means that the run ended before or during the project's turn.
	NotRun State = "not run"
)

// Good reports whether the project has a newest dump as it should be.
func (s State) Good() bool { return s == Published || s == Unchanged || s == Fresh }

// Outcome is a project's state and its newest dump. Sizes are in bytes.
type Outcome struct {
	State        State     `json:"state"`
	Key          string    `json:"key,omitempty"` // of the newest dump
	SnapshotTime time.Time `json:"snapshot_time,omitzero"`
	ObjectBytes  int64     `json:"object_bytes,omitempty"`
	RawBytes     int64     `json:"raw_bytes,omitempty"`
	Tables       int64     `json:"tables,omitempty"`
	Rows         int64     `json:"rows,omitempty"`
}
