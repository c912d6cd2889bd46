package fleet

import "time"

// Told is since when people know what is wrong with a project, zero where they have not been told. It is kept in the
// project's history, so that whichever machine looks next does not tell it again.
type Told struct {
	Failing time.Time `json:"failing,omitzero"`
	Stale   time.Time `json:"stale,omitzero"`
}

func (t Told) nothing() bool { return t.Failing.IsZero() && t.Stale.IsZero() }

func (t Told) equal(other Told) bool {
	return t.Failing.Equal(other.Failing) && t.Stale.Equal(other.Stale)
}

// Event is what is new about a project.
type Event string

const (
	// Failing means that its refresh has begun to fail.
	Failing Event = "failing"
	// Stale means that its newest dump has become older than it may be.
	Stale Event = "stale"
	// Recovered means that all is well again, after people were told that it is not.
	Recovered Event = "recovered"
)

// News is something that people are to be told.
type News struct {
	Event   Event
	Project ProjectStatus
}

// news gives what is new, if anything, and what people know when they have been told. A project is not reported well
// before it is fresh again.
func news(status ProjectStatus, told Told) (Event, Told) {
	now := time.Now().UTC().Truncate(time.Second)
	failing := status.Failures > 0 || status.Verdict == VerdictBroken || status.Verdict == VerdictUnreachable
	stale := status.Overdue()
	var event Event
	switch {
	case status.Verdict == VerdictFresh && !told.nothing():
		return Recovered, Told{}
	case failing && told.Failing.IsZero():
		event = Failing
	case stale && told.Stale.IsZero():
		event = Stale
	}
	if failing && told.Failing.IsZero() {
		told.Failing = now
	}
	if stale && told.Stale.IsZero() {
		told.Stale = now
	}
	return event, told
}
