package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// ErrTimeLimit means that a refresh exceeded its time limit.
var ErrTimeLimit = errors.New("the refresh took longer than its time limit")

// ErrBakeTimeLimit means that a bake exceeded the time limit of a refresh.
var ErrBakeTimeLimit = errors.New("the bake took longer than its time limit")

// grace is how long a canceled refresh may take to abort its upload and release its lease.
const grace = time.Minute

// try refreshes a project once. It returns when the refresh has ended, or when it has not ended within the grace period
// after it was canceled; then it is abandoned and its slots are freed. A panic of the refresh becomes an error. The leases are slots of the
// staging server, or unentered says why there are none.
func (s *schedule) try(ctx context.Context, item *Item, number int, leases []*bucket.Lease, unentered error) (Outcome, error) {
	lane := s.Watcher.Begin(item.Project, number)
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &turn{Lane: lane, slots: s.slots, hosts: s.hosts, item: item, cancel: cancel, limit: item.Project.TimeLimit}
	t.hold(leases)
	defer func() {
		lane.Close() // before another project gets the slot
		t.end()
	}()
	if unentered != nil {
		return Outcome{}, unentered
	}
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
	slots  *slots
	hosts  hosts
	item   *Item
	cancel context.CancelCauseFunc // of the try
	limit  time.Duration
	timer  *time.Timer // nil without a limit

	mu    sync.Mutex
	holds bool   // a slot
	leave func() // leaves the staging server
	ended bool   // it gets no further slot
}

// hold says that it has a slot, and leases of the staging server, of which there may be none. If one is lost, the try ends: somebody else reads
// from the server instead.
func (t *turn) hold(leases []*bucket.Lease) {
	var stops []func() bool
	for _, lease := range leases {
		stops = append(stops, context.AfterFunc(lease.Context(), func() { t.cancel(context.Cause(lease.Context())) }))
	}
	t.holds, t.leave = true, func() {
		for _, stop := range stops {
			stop()
		}
		release(leases)
	}
}

// Yield frees the slot.
func (t *turn) Yield(string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.holds {
		t.holds = false
		t.leave()
		t.slots.leave(t.item)
	}
}

// Resume waits for a slot again.
func (t *turn) Resume(ctx context.Context) error {
	if t.timer != nil {
		t.timer.Stop() // the refreshes that it waits for now have limits of their own
	}
	leases, err := t.enter(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hold(leases)
	if t.ended {
		t.holds = false
		t.leave()
		t.slots.leave(t.item)
		return context.Canceled
	}
	if t.timer != nil {
		t.timer.Reset(t.limit)
	}
	return nil
}

// enter waits for a slot, also of the staging server.
func (t *turn) enter(ctx context.Context) ([]*bucket.Lease, error) {
	claim := t.slots.enter(t.item, true)
	for {
		if err := t.slots.wait(ctx, claim); err != nil {
			return nil, err
		}
		leases, err := t.hosts.enter(ctx, t.item)
		switch {
		case errors.Is(err, errHostBusy):
			claim = t.slots.postpone(claim)
		case err != nil:
			t.slots.leave(t.item)
			return nil, err
		default:
			return leases, nil
		}
	}
}

func (t *turn) end() {
	t.Yield("")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}
