package fleet

import "time"

// Notified is the notification state of a project: when people were told that it is failing, and that it is stale. A time
// is zero if they have not been told. The project's history keeps it, so no other machine repeats a message.
type Notified struct {
	Failing time.Time `json:"failing,omitzero"`
	Stale   time.Time `json:"stale,omitzero"`
}

func (n Notified) nothing() bool { return n.Failing.IsZero() && n.Stale.IsZero() }

func (n Notified) equal(other Notified) bool {
	return n.Failing.Equal(other.Failing) && n.Stale.Equal(other.Stale)
}

// Event is what is new about a project.
type Event string

const (
	// Failing means that its refresh has begun to fail.
	Failing Event = "failing"
	// Stale means that its newest dump has become older than it may be.
	Stale Event = "stale"
	// Recovered means that all is well again, after people were told that something was wrong.
	Recovered Event = "recovered"
)

// News is an event that people have to be told about.
type News struct {
	Event   Event
	Project ProjectStatus
}

// news returns the event to report, or "" if there is none, and the notification state after that. A project only
// counts as recovered once it is fresh again.
func news(status ProjectStatus, notified Notified) (Event, Notified) {
	now := time.Now().UTC().Truncate(time.Second)
	failing := status.Failures > 0 || status.Verdict == VerdictBroken || status.Verdict == VerdictUnreachable
	stale := status.Overdue()
	var event Event
	switch {
	case status.Verdict == VerdictPaused:
		return "", notified // whoever has paused it knows
	case status.Verdict == VerdictFresh && !notified.nothing():
		return Recovered, Notified{}
	case failing && notified.Failing.IsZero():
		event = Failing
	case stale && notified.Stale.IsZero():
		event = Stale
	}
	if failing && notified.Failing.IsZero() {
		notified.Failing = now
	}
	if stale && notified.Stale.IsZero() {
		notified.Stale = now
	}
	return event, notified
}
