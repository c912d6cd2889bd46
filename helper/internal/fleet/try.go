package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrTimeLimit means that a refresh took longer than it may.
var ErrTimeLimit = errors.New("the refresh took longer than its time limit")

// ErrBakeTimeLimit means that a bake took longer than a refresh may.
var ErrBakeTimeLimit = errors.New("the bake took longer than its time limit")

// grace is how long a refresh may take to end after it was told to: it aborts its upload and gives its lease back.
const grace = time.Minute

// try refreshes a project once. It returns when the refresh has ended, or has not ended although it was told to: it is
// left to itself then, and its place is free. A panic of the refresh is an error.
func (s *schedule) try(ctx context.Context, item *Item, number int) (Outcome, error) {
	lane := s.Watcher.Begin(item.Project, number)
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &turn{Lane: lane, places: s.places, item: item, held: true, limit: item.Project.TimeLimit}
	defer func() {
		lane.Close() // before somebody else gets the place
		t.end()
	}()
	if t.limit > 0 {
		t.timer = time.AfterFunc(t.limit, func() {
			cancel(fmt.Errorf("%w of %s", ErrTimeLimit, t.limit))
		})
		defer t.timer.Stop()
	}
	type answer struct {
		outcome Outcome
		err     error
	}
	// What a refresh says that was told to end is only the consequence.
	first := func(a answer) (Outcome, error) {
		if a.err != nil && limited.Err() != nil {
			a.err = context.Cause(limited)
		}
		return a.outcome, a.err
	}
	answered := make(chan answer, 1)
	go func() {
		var a answer
		a.err = guarded(func() (err error) {
			a.outcome, err = item.Project.Refresh(limited, t)
			return err
		})
		answered <- a
	}()
	select {
	case a := <-answered:
		return first(a)
	case <-limited.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case a := <-answered:
		return first(a)
	case <-timer.C:
		return Outcome{}, fmt.Errorf("%w, and did not end when it was told to", context.Cause(limited))
	}
}

// turn is the Turn of one try.
type turn struct {
	Lane
	places *places
	item   *Item
	limit  time.Duration
	timer  *time.Timer // nil without a limit

	mu    sync.Mutex
	held  bool // the place
	ended bool // nothing more is to be had
}

// Yield gives the place away.
func (t *turn) Yield(string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held {
		t.held = false
		t.places.leave(t.item)
	}
}

// Resume gets a place again.
func (t *turn) Resume(ctx context.Context) error {
	if t.timer != nil {
		t.timer.Stop() // the others, whom it waits for now, have limits of their own
	}
	if err := t.places.wait(ctx, t.places.enter(t.item, true)); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		t.places.leave(t.item)
		return context.Canceled
	}
	t.held = true
	if t.timer != nil {
		t.timer.Reset(t.limit)
	}
	return nil
}

func (t *turn) end() {
	t.Yield("")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}
