package bucket

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// wait takes a slot, and waits as long as others hold them all.
func (s *Slots) wait(ctx context.Context) (*Lease, error) {
	for {
		lease, err := s.Take(ctx)
		if !errors.Is(err, ErrNoSlot) {
			return lease, err
		}
		if err := clock.Sleep(ctx, s.b.pace.poll); err != nil {
			return nil, err
		}
	}
}

// Of ten processes, two at a time have one of two slots, and each gets its turn.
func TestSlots(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		var held, most, turns atomic.Int32
		var group sync.WaitGroup
		for range 10 {
			slots := e.open(t).Slots("fleet/hosts/x", 2, "ann@laptop")
			group.Go(func() {
				for range 2 {
					lease, err := slots.wait(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					now := held.Add(1)
					for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
					}
					time.Sleep(10 * time.Millisecond)
					held.Add(-1)
					turns.Add(1)
					if err := lease.Release(t.Context(), Published{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if most.Load() > 2 || turns.Load() != 20 {
			t.Errorf("%d had a slot at once, %d turns", most.Load(), turns.Load())
		}
		keys, err := e.Keys(e.bucket)
		if got := strings.Join(keys, " "); err != nil || got != ".dump-refresh/fleet/hosts/x.1.lease.json .dump-refresh/fleet/hosts/x.2.lease.json" {
			t.Errorf("%s, %v", got, err)
		}
	})
}

// A process can have several of the slots. Others find none until it releases one.
func TestSlotsOfOneProcess(t *testing.T) {
	e := newEnv(t, "minio")
	slots := e.open(t).Slots("x", 2, "ann@laptop")
	var leases []*Lease
	for range 2 {
		lease, err := slots.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, lease)
	}
	others := e.open(t).Slots("x", 2, "bob@laptop")
	for _, s := range []*Slots{slots, others} {
		if _, err := s.Take(t.Context()); !errors.Is(err, ErrNoSlot) {
			t.Error(err)
		}
	}
	if err := leases[1].Release(t.Context(), Published{}); err != nil {
		t.Fatal(err)
	}
	if _, err := others.Take(t.Context()); err != nil {
		t.Error(err)
	}
}

// The slot of a process that was killed becomes free, and the process would notice.
func TestSlotOfADeadProcess(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		dying := e.open(t)
		dying.pace.renew = time.Hour
		first, err := dying.Slots("x", 1, "ann@laptop").Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slots := e.impatient(t).Slots("x", 1, "bob@laptop")
		if _, err := slots.Take(t.Context()); !errors.Is(err, ErrNoSlot) {
			t.Error(err)
		}
		second, err := slots.wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Release(t.Context(), Published{}); !errors.Is(err, ErrLeaseLost) {
			t.Error(err)
		}
		if err := second.Release(t.Context(), Published{}); err != nil {
			t.Error(err)
		}
	})
}

// Who may not read slots is told so, also if S3 says the same of what does not exist.
func TestSlotsThatMayNotBeRead(t *testing.T) {
	e := newEnv(t, "minio")
	blind := e.as(t, allow("s3:PutObject")).Slots("x", 1, "ann@laptop")
	lease, err := blind.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.Release(t.Context(), Published{}); err != nil {
		t.Error(err)
	}
	if _, err := blind.Take(t.Context()); !errors.Is(err, ErrAccessDenied) {
		t.Error(err)
	}
}
