package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// staging is a database that can be asked.
type staging struct {
	state string
	takes time.Duration
	err   error
	asked int
}

func (s *staging) changed(ctx context.Context, since string) (string, bool, error) {
	s.asked++
	select {
	case <-ctx.Done():
		return "", false, ctx.Err()
	case <-time.After(s.takes):
	}
	return s.state, s.state != "" && s.state != since, s.err
}

// watchedFleet watches databases with an interval of a minute, a review of 5, and at least 10 minutes between two dumps.
func watchedFleet(databases ...*staging) (*Watch, []*Item, *[]string) {
	var notes []string
	w := NewWatch(time.Minute, 5*time.Minute, func(project *Project, line string) { notes = append(notes, project.Name+": "+line) })
	var items []*Item
	for i, database := range databases {
		name := fmt.Sprint("p", i)
		items = append(items, &Item{Action: Skip, Project: &Project{Name: name, Slot: name, Changed: database.changed, Policy: Policy{MinInterval: 10 * time.Minute}}})
	}
	return w, items, &notes
}

func result(slot string, state State) Result {
	return Result{Slot: slot, Run: Run{Tries: 1, Outcome: Outcome{State: state}}}
}

// next returns what is due, and after how long.
func next(t *testing.T, w *Watch, items []*Item, reload chan struct{}) (slots []string, after time.Duration) {
	t.Helper()
	began := time.Now()
	due, err := w.Next(t.Context(), items, reload)
	if err != nil {
		t.Fatal(err)
	}
	for slot := range due {
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	return slots, time.Since(began)
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := &staging{state: "a"}, &staging{state: "b"}
		w, items, _ := watchedFleet(one, other)
		// Nobody knows what happened before.
		if due, after := next(t, w, items, nil); !slices.Equal(due, []string{"p0", "p1"}) || after != 0 {
			t.Fatalf("at first %v, after %s", due, after)
		}
		began := time.Now()
		w.Ran(items, []Result{result("p0", Published), result("p1", Unchanged)}, began)
		one.state = "a2"
		// The next dump is not made before 10 minutes have passed; meanwhile the fleet is looked at once.
		due, after := next(t, w, items, nil)
		if due != nil || after != 5*time.Minute {
			t.Errorf("%v after %s", due, after)
		}
		for due == nil {
			due, _ = next(t, w, items, nil)
		}
		if !slices.Equal(due, []string{"p0"}) || time.Since(began) != 10*time.Minute {
			t.Errorf("%v after %s", due, time.Since(began))
		}
		// What fails, or is found to be published by somebody else, is tried again after the same time.
		for _, state := range []State{Failed, Fresh} {
			began = time.Now()
			w.Ran(items, []Result{result("p0", state)}, began)
			for due = nil; due == nil; {
				due, _ = next(t, w, items, nil)
			}
			if !slices.Equal(due, []string{"p0"}) || time.Since(began) != 10*time.Minute {
				t.Errorf("after %s: %v after %s", state, due, time.Since(began))
			}
		}
		w.Ran(items, []Result{result("p0", Published)}, time.Now())
		// A database that is asked while it is being refreshed is not asked more often than each minute.
		asked := other.asked
		for end := time.Now().Add(time.Hour); time.Now().Before(end); {
			if due, _ := next(t, w, items, nil); due != nil {
				t.Errorf("%v has not changed", due)
			}
		}
		if n := other.asked - asked; n < 60 || n > 60+13 { // and once at the beginning of each review
			t.Errorf("asked %d times in an hour", n)
		}
	})
}

func TestWatchOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, busy, silent, mute := &staging{state: "a", err: errors.New("refused")}, &staging{state: "b", takes: 3 * time.Second}, &staging{takes: time.Hour}, &staging{}
		w, items, notes := watchedFleet(broken, busy, silent, mute)
		paused := &staging{state: "c"}
		items = append(items, &Item{Action: Hold, Project: &Project{Name: "paused", Slot: "paused", Changed: paused.changed}}, &Item{Action: Skip, Project: &Project{Name: "command", Slot: "command"}})
		for range 3 {
			if due, _ := next(t, w, items, nil); due != nil {
				t.Errorf("due: %v", due)
			}
		}
		want := []string{"p0: cannot ask staging whether it has changed: refused", "p2: cannot ask staging whether it has changed: context deadline exceeded"}
		slices.Sort(*notes)
		if !slices.Equal(*notes, want) || paused.asked > 0 {
			t.Errorf("notes %q, asked a paused one %d times", *notes, paused.asked)
		}
		broken.err, busy.takes = nil, 0
		if due, after := next(t, w, items, nil); !slices.Equal(due, []string{"p0", "p1"}) || after > 2*time.Minute {
			t.Errorf("back again: %v after %s", due, after)
		}
	})
}

func TestWatchEndsAndReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, items, _ := watchedFleet(&staging{})
		reload := make(chan struct{}, 1)
		time.AfterFunc(90*time.Second, func() { reload <- struct{}{} })
		if due, after := next(t, w, items, reload); due != nil || after != 90*time.Second {
			t.Errorf("reload: %v after %s", due, after)
		}
		// A project that the fleet no longer has is forgotten.
		w.Ran(nil, nil, time.Now())
		if len(w.watched) != 0 {
			t.Errorf("remembers %v", w.watched)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		began := time.Now()
		if _, err := w.Next(ctx, items, nil); !errors.Is(err, context.Canceled) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
