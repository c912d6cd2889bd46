package fleet

import "time"

// Notified is the notification state of a project: when people were told that it is failing, and that it is stale. A time
// is zero if they have not been told. The project's history keeps it, so no other machine repeats a message.
type Notified struct {
	Failing time.Time `json:"failing,omitzero"`
	Stale   time.Time `json:"stale,omitzero"`
	// Last is when they were last told one of the two; zero before they have been told again.
	Last time.Time `json:"last,omitzero"`
}

// last is when people were last told that something is wrong.
func (n Notified) last() time.Time {
	last := n.Last
	for _, told := range []time.Time{n.Failing, n.Stale} {
		if told.After(last) {
			last = told
		}
	}
	return last
}

func (n Notified) nothing() bool { return n.Failing.IsZero() && n.Stale.IsZero() }

func (n Notified) equal(other Notified) bool {
	return n.Failing.Equal(other.Failing) && n.Stale.Equal(other.Stale) && n.Last.Equal(other.Last)
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
	// Since is when people were first told, if this is a reminder; zero if it is new.
	Since time.Time
}

// reminded is how much of the time between two reminders must have passed, so that a run at the same time of each day reminds on each.
const reminded = 0.95

// news returns the news to report, with no event if there is none, and the notification state after that. A project only
// counts as recovered once it is fresh again.
func news(status ProjectStatus, notified Notified) (News, Notified) {
	before := notified
	event, notified := change(status, notified)
	found := News{Event: event, Project: status}
	if event == "" && status.wrong() && status.remind > 0 && !before.nothing() &&
		time.Since(before.last()).Seconds() >= reminded*status.remind.Seconds() {
		found.Event, found.Since = Failing, before.Failing
		if before.Failing.IsZero() || !status.failing() {
			found.Event, found.Since = Stale, before.Stale
		}
		notified.Last = time.Now().UTC().Truncate(time.Second)
	}
	return found, notified
}

// failing reports whether its refreshes fail, or nobody knows.
func (p ProjectStatus) failing() bool {
	return p.Failures > 0 || p.Verdict == VerdictBroken || p.Verdict == VerdictUnreachable
}

// wrong reports whether people are to be told about a project. Nobody is told what is known.
func (p ProjectStatus) wrong() bool { return (p.failing() || p.Overdue()) && !p.Fine() }

// change returns what is new, as opposed to a reminder.
func change(status ProjectStatus, notified Notified) (Event, Notified) {
	now := time.Now().UTC().Truncate(time.Second)
	failing, stale := status.failing() && status.wrong(), status.Overdue() && status.wrong()
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
