package fleet

import (
	"context"
	"time"
)

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

// Announce tells people what is new about the projects, all of it at once, and remembers it in the projects' buckets:
// each failure, staleness and recovery is told once, whatever machine finds it. What tell returns goes to note, as does
// all else that goes wrong here: none of it makes a dump worse. What could not be told is told next time.
//
// What was found of a project whose settings are broken or whose bucket cannot be reached cannot be remembered there;
// it is told at each run.
func Announce(ctx context.Context, projects []Project, found []ProjectStatus, tell func(context.Context, []News) error, note func(string)) {
	byPlace := map[string]Project{}
	for _, project := range projects {
		byPlace[project.Place] = project
	}
	var all []News
	var promises []promise
	for _, status := range found {
		if event, _ := news(status, status.told); event == "" {
			continue
		}
		project := byPlace[status.Place]
		if status.Verdict == VerdictBroken || status.Verdict == VerdictUnreachable {
			all = append(all, News{Failing, status})
			continue
		}
		event, made, err := remember(ctx, project, status)
		if err != nil {
			// Better twice than never.
			note(project.Name + ": it may be told again: " + err.Error())
		}
		if event != "" {
			all, promises = append(all, News{event, status}), append(promises, made)
		}
	}
	if len(all) == 0 {
		return
	}
	if err := tell(ctx, all); err != nil {
		note(err.Error())
		for _, made := range promises {
			if err := made.giveBack(context.WithoutCancel(ctx)); err != nil {
				note(made.project.Name + ": people will not be told of this any more: " + err.Error())
			}
		}
	}
}

// promise is what one machine has taken upon itself to tell.
type promise struct {
	project       Project
	before, after Told
}

// remember writes that people know, before they do: of several machines that find the same, the one whose write comes
// first tells it, and the others see no news any more.
func remember(ctx context.Context, project Project, status ProjectStatus) (event Event, made promise, err error) {
	made.project = project
	event, made.after = news(status, status.told)
	store, err := project.Open(ctx)
	if err != nil {
		return event, made, err
	}
	err = updateHistory(ctx, store, func(history *History) bool {
		made.before = history.Told
		event, made.after = news(status, history.Told)
		history.Project, history.Told = project.Name, made.after
		return event != ""
	})
	return event, made, err
}

// giveBack makes it untold again, unless somebody has changed it since.
func (p promise) giveBack(ctx context.Context) error {
	store, err := p.project.Open(ctx)
	if err != nil {
		return err
	}
	return updateHistory(ctx, store, func(history *History) bool {
		mine := history.Told.equal(p.after)
		if mine {
			history.Told = p.before
		}
		return mine
	})
}
