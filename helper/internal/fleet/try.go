package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrTimeLimit means that a refresh exceeded its time limit.
var ErrTimeLimit = errors.New("the refresh took longer than its time limit")

// ErrBakeTimeLimit means that a bake exceeded the time limit of a refresh.
var ErrBakeTimeLimit = errors.New("the bake took longer than its time limit")

// grace is how long a canceled refresh may take to abort its upload and release its lease.
const grace = time.Minute

// try refreshes a project once. It returns when the refresh has ended, or when it has not ended within the grace period
// after it was canceled; then it is abandoned and its slot is freed. A panic of the refresh becomes an error.
func (s *schedule) try(ctx context.Context, item *Item, number int) (Outcome, error) {
	lane := s.Watcher.Begin(item.Project, number)
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &turn{Lane: lane, slots: s.slots, item: item, holds: true, limit: item.Project.TimeLimit}
	defer func() {
		lane.Close() // before another project gets the slot
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
	// The error of a canceled refresh is only a consequence: report the cause.
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
		return Outcome{}, fmt.Errorf("%w, and it did not stop when canceled", context.Cause(limited))
	}
}

// turn is the Turn of one try.
type turn struct {
	Lane
	slots *slots
	item  *Item
	limit time.Duration
	timer *time.Timer // nil without a limit

	mu    sync.Mutex
	holds bool // a slot
	ended bool // it gets no further slot
}

// Yield frees the slot.
func (t *turn) Yield(string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.holds {
		t.holds = false
		t.slots.leave(t.item)
	}
}

// Resume waits for a slot again.
func (t *turn) Resume(ctx context.Context) error {
	if t.timer != nil {
		t.timer.Stop() // the refreshes that it waits for now have limits of their own
	}
	if err := t.slots.wait(ctx, t.slots.enter(t.item, true)); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		t.slots.leave(t.item)
		return context.Canceled
	}
	t.holds = true
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
