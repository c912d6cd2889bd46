package bucket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
)

// Slots limit how many of several processes do something at once: each slot is a lease of its own, in .dump-refresh/ of the bucket. The
// slot of a process that was killed becomes free like any other lease.
type Slots struct {
	b      *Bucket
	holder string

	mu    sync.Mutex
	slots []*slot
}

// slot is one of them. What the waiter has seen of its holder outlasts a try.
type slot struct {
	waiter
	taken bool // this process holds it
}

// ErrNoSlot means that other processes hold all slots.
var ErrNoSlot = errors.New("other processes hold all slots")

// Slots returns the slots with a name, of which there are count. All processes must agree on both.
func (b *Bucket) Slots(name string, count int, holder string) *Slots {
	s := &Slots{b: b, holder: holder}
	for n := range count {
		s.slots = append(s.slots, &slot{waiter: waiter{b: b, key: sharedKey(fmt.Sprintf("%s.%d.lease.json", name, n+1))}})
	}
	return s
}

// Take takes a slot, if there is one, and else returns ErrNoSlot. Who gets that should try again every few seconds: a holder counts as
// dead when several tries have seen no sign of life for half a minute. The lease outlasts ctx, until it is released.
func (s *Slots) Take(ctx context.Context) (*Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range rand.Perm(len(s.slots)) { // not all processes try the same one first
		slot := s.slots[n]
		if slot.taken {
			continue
		}
		slot.taken, slot.mine = true, newLeaseFile(s.holder)
		etag, err := slot.once(ctx)
		if err == nil {
			free := func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				slot.taken = false
			}
			return slot.lease(context.WithoutCancel(ctx), etag, "", free), nil
		}
		slot.taken = false
		if !errors.Is(err, errTaken) {
			return nil, err
		}
	}
	return nil, ErrNoSlot
}
