package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Announce tells people what is new about the projects, all of it at once, and remembers it in the projects' buckets:
// each failure, staleness and recovery is told once, whatever machine finds it. What tell returns goes to note, as does
// all else that goes wrong here: none of it makes a dump worse. What could not be told is told next time.
//
// It is written down before it is told. Of several machines that find the same, the one whose write comes first tells it,
// and the others see no news any more.
func Announce(ctx context.Context, projects []Project, found []ProjectStatus, tell func(context.Context, []News) error, note func(string)) {
	byPlace, order := map[string]Project{}, map[string]int{}
	for _, project := range projects {
		byPlace[project.Place] = project
	}
	for i, status := range found {
		order[status.Place] = i
	}
	var all []News
	var undo []func(context.Context) error
	keep := func(more []News, takeBack func(context.Context) error, err error) {
		if err != nil {
			note("people may be told again: " + err.Error()) // better twice than never
		}
		if len(more) > 0 {
			all, undo = append(all, more...), append(undo, takeBack)
		}
	}
	for _, status := range found {
		if event, _ := news(status, status.told); event != "" && !status.unknown() {
			keep(rememberInHistory(ctx, byPlace[status.Place], status))
		}
	}
	keep(rememberShared(ctx, byPlace, found))
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(x, y News) int { return order[x.Project.Place] - order[y.Project.Place] })
	if err := tell(ctx, all); err != nil {
		note(err.Error())
		for _, takeBack := range undo {
			if err := takeBack(context.WithoutCancel(ctx)); err != nil {
				note("people will not be told any more: " + err.Error())
			}
		}
	}
}

// rememberInHistory writes down that people know what is new about a project. It gives that, and how to make it untold.
func rememberInHistory(ctx context.Context, project Project, status ProjectStatus) ([]News, func(context.Context) error, error) {
	var store *bucket.Bucket
	var before, after Told
	event, _ := news(status, status.told)
	store, err := project.Open(ctx)
	if err == nil {
		err = updateHistory(ctx, store, func(history *History) bool {
			before = history.Told
			event, after = news(status, before)
			history.Project, history.Told = project.Name, after
			return event != ""
		})
	}
	if event == "" {
		return nil, nil, err
	}
	return []News{{event, status}}, func(ctx context.Context) error {
		if store == nil {
			return nil
		}
		return updateHistory(ctx, store, func(history *History) bool {
			mine := history.Told.equal(after)
			if mine {
				history.Told = before
			}
			return mine
		})
	}, err
}

// unknown says whether the project has no history that could be read.
func (p ProjectStatus) unknown() bool {
	return p.Verdict == VerdictBroken || p.Verdict == VerdictUnreachable
}

// sharedTold is the object in which a bucket remembers what people have been told of projects that have no history to
// remember it in, by their place: those whose settings are broken, and those whose bucket cannot be reached.
const sharedTold = "fleet/told.json"

// rememberShared is rememberInHistory for those projects. It takes the bucket of the first project that has one.
func rememberShared(ctx context.Context, projects map[string]Project, found []ProjectStatus) (all []News, takeBack func(context.Context) error, err error) {
	var unknown []News
	var places []string
	for _, status := range found {
		if status.unknown() {
			unknown = append(unknown, News{Failing, status})
		} else {
			places = append(places, status.Place)
		}
	}
	if len(places) == 0 {
		return unknown, func(context.Context) error { return nil }, nil
	}
	store, err := projects[slices.Min(places)].Open(ctx)
	if err != nil {
		return unknown, func(context.Context) error { return nil }, err
	}
	before := map[string]Told{}
	err = updateShared(ctx, store, func(told map[string]Told) bool {
		all, before = nil, map[string]Told{}
		changed := false
		for _, status := range found {
			known := told[status.Place]
			event, after := news(status, known)
			switch {
			case status.unknown() && event != "":
				told[status.Place] = after
			case !status.unknown() && !known.nothing():
				delete(told, status.Place) // from now on its history tells
			default:
				continue
			}
			before[status.Place], changed = known, true
			if status.unknown() || event == Recovered {
				all = append(all, News{event, status})
			}
		}
		return changed
	})
	switch {
	case err != nil && len(unknown) == 0:
		return nil, nil, nil // who may not read it has no such projects to remember, or has told of them each time
	case err != nil:
		return unknown, func(context.Context) error { return nil }, err
	}
	return all, func(ctx context.Context) error {
		return updateShared(ctx, store, func(told map[string]Told) bool {
			for place, known := range before {
				told[place] = known
				if known.nothing() {
					delete(told, place)
				}
			}
			return len(before) > 0
		})
	}, nil
}

func updateShared(ctx context.Context, store *bucket.Bucket, change func(map[string]Told) bool) error {
	err := store.UpdateShared(ctx, sharedTold, func(text []byte) ([]byte, error) {
		told := map[string]Told{}
		if json.Unmarshal(text, &told) != nil || told == nil {
			told = map[string]Told{}
		}
		if !change(told) {
			return nil, nil
		}
		return json.Marshal(told)
	})
	if err != nil {
		return fmt.Errorf("remember what people were told: %w", err)
	}
	return nil
}
