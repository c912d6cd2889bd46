package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Announce tells people the news of all projects in one message and stores the notification state in the projects'
// buckets: each failure, staleness and recovery is reported once, whichever machine finds it. All errors, also those of send,
// go to note, because none of them affects a dump. What could not be sent is sent the next time.
//
// The state is written before the message is sent. If several machines find the same news, the one that writes first
// sends the message, and the others no longer see any news.
func Announce(ctx context.Context, projects []Project, found []ProjectStatus, send func(context.Context, []News) error, note func(string)) {
	bySlot, order := map[string]Project{}, map[string]int{}
	for _, project := range projects {
		bySlot[project.Slot] = project
	}
	for i, status := range found {
		order[status.Slot] = i
	}
	var all []News
	var undo []func(context.Context) error
	keep := func(more []News, takeBack func(context.Context) error, err error) {
		if err != nil {
			note("this may be announced again: " + err.Error()) // better twice than never
		}
		if len(more) > 0 {
			all, undo = append(all, more...), append(undo, takeBack)
		}
	}
	for _, status := range found {
		if found, _ := news(status, status.notified); found.Event != "" && !status.unknown() {
			keep(rememberInHistory(ctx, bySlot[status.Slot], status))
		}
	}
	keep(rememberShared(ctx, bySlot, found))
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(x, y News) int { return order[x.Project.Slot] - order[y.Project.Slot] })
	if err := send(ctx, all); err != nil {
		note(err.Error())
		for _, takeBack := range undo {
			if err := takeBack(context.WithoutCancel(ctx)); err != nil {
				note("this will not be announced any more: " + err.Error())
			}
		}
	}
}

// rememberInHistory stores the notification state in the project's history. It returns the news, and a function that
// restores the state of before.
func rememberInHistory(ctx context.Context, project Project, status ProjectStatus) ([]News, func(context.Context) error, error) {
	var store *bucket.Bucket
	var before, after Notified
	found, _ := news(status, status.notified)
	store, err := project.Open(ctx)
	if err == nil {
		err = updateHistory(ctx, store, func(history *History) bool {
			before = history.Notified
			found, after = news(status, before)
			history.Project, history.Notified = project.Name, after
			return found.Event != ""
		})
	}
	if found.Event == "" {
		return nil, nil, err
	}
	return []News{found}, func(ctx context.Context) error {
		if store == nil {
			return nil
		}
		return updateHistory(ctx, store, func(history *History) bool {
			mine := history.Notified.equal(after)
			if mine {
				history.Notified = before
			}
			return mine
		})
	}, err
}

// unknown reports whether the project has no history that could be read.
func (p ProjectStatus) unknown() bool {
	return p.Verdict == VerdictBroken || p.Verdict == VerdictUnreachable
}

// sharedNotified is the object that keeps the notification state, by slot, of projects without a readable history: those
// with broken settings, and those whose bucket cannot be reached.
const sharedNotified = "fleet/notified.json"

// rememberShared does the same as rememberInHistory for those projects. It uses the first project's bucket that can be
// reached.
func rememberShared(ctx context.Context, projects map[string]Project, found []ProjectStatus) (all []News, takeBack func(context.Context) error, err error) {
	var unknown []News
	var slots []string
	for _, status := range found {
		if status.unknown() {
			if status.wrong() {
				unknown = append(unknown, News{Event: Failing, Project: status})
			}
		} else {
			slots = append(slots, status.Slot)
		}
	}
	if len(slots) == 0 {
		return unknown, func(context.Context) error { return nil }, nil
	}
	store, err := projects[slices.Min(slots)].Open(ctx)
	if err != nil {
		return unknown, func(context.Context) error { return nil }, err
	}
	before := map[string]Notified{}
	err = updateShared(ctx, store, func(notified map[string]Notified) bool {
		all, before = nil, map[string]Notified{}
		changed := false
		for _, status := range found {
			known := notified[status.Slot]
			one, after := news(status, known)
			switch {
			case status.unknown() && one.Event != "":
				notified[status.Slot] = after
			case !status.unknown() && !known.nothing():
				delete(notified, status.Slot) // from now on its history has the state
			default:
				continue
			}
			before[status.Slot], changed = known, true
			if status.unknown() || one.Event == Recovered {
				all = append(all, one)
			}
		}
		return changed
	})
	switch {
	case err != nil && len(unknown) == 0:
		return nil, nil, nil // nothing is lost: without access to this object, nothing was ever stored in it
	case err != nil:
		return unknown, func(context.Context) error { return nil }, err
	}
	return all, func(ctx context.Context) error {
		return updateShared(ctx, store, func(notified map[string]Notified) bool {
			for slot, known := range before {
				notified[slot] = known
				if known.nothing() {
					delete(notified, slot)
				}
			}
			return len(before) > 0
		})
	}, nil
}

func updateShared(ctx context.Context, store *bucket.Bucket, change func(map[string]Notified) bool) error {
	err := store.UpdateShared(ctx, sharedNotified, func(text []byte) ([]byte, error) {
		notified := map[string]Notified{}
		if json.Unmarshal(text, &notified) != nil || notified == nil {
			notified = map[string]Notified{}
		}
		if !change(notified) {
			return nil, nil
		}
		return json.Marshal(notified)
	})
	if err != nil {
		return fmt.Errorf("store the notification state: %w", err)
	}
	return nil
}
