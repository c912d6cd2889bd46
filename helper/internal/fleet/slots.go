package fleet

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// slots limits how many refreshes run at once, in total and per staging server.
type slots struct {
	parallel, perHost int

	mu      sync.Mutex
	open    bool // false until all claims are known; no slot is given before
	taken   int
	readers map[string]int  // by host
	busy    map[string]bool // hosts of which other shards hold all slots
	waiting []*claim
}

// claim is a refresh that waits for a slot.
type claim struct {
	item *Item
	// first puts it before all others: it has already begun and holds what others wait for.
	first bool
	given chan struct{} // closed when it gets the slot
}

func newSlots(parallel, perHost int) *slots {
	return &slots{parallel: parallel, perHost: perHost, readers: map[string]int{}, busy: map[string]bool{}}
}

// enter queues a claim.
func (s *slots) enter(item *Item, first bool) *claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &claim{item: item, first: first, given: make(chan struct{})}
	s.waiting = append(s.waiting, c)
	s.assign()
	return c
}

// start gives out the first slots.
func (s *slots) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	s.assign()
}

// wait waits for the slot. If the context ends first, it returns the cause.
func (s *slots) wait(ctx context.Context, c *claim) error {
	select {
	case <-c.given:
		if ctx.Err() == nil {
			return nil
		}
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.Index(s.waiting, c); at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
	} else {
		s.free(c.item)
	}
	return context.Cause(ctx)
}

// leave frees the slot for the next claim.
func (s *slots) leave(item *Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(item)
}

// hostPause is the time between two looks at the slots of a staging server. It must be short against half a minute without a sign of life, after
// which a holder counts as dead.
const hostPause = 2 * time.Second

// postpone exchanges a slot for a claim to one: other shards hold all slots of the staging server, of which no project gets a slot for some
// time.
func (s *slots) postpone(c *claim) *claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	host := c.item.Project.Host
	s.busy[host] = true
	time.AfterFunc(hostPause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, host)
		s.assign()
	})
	again := &claim{item: c.item, first: c.first, given: make(chan struct{})}
	s.waiting = append(s.waiting, again)
	s.free(c.item)
	return again
}

func (s *slots) free(item *Item) {
	s.taken--
	s.readers[item.Project.Host]--
	s.assign()
}

func (s *slots) assign() {
	for s.open && s.taken < s.parallel {
		next := s.next()
		if next == nil {
			return
		}
		s.waiting = slices.Delete(s.waiting, slices.Index(s.waiting, next), slices.Index(s.waiting, next)+1)
		s.taken++
		s.readers[next.item.Project.Host]++
		close(next.given)
	}
}

// next chooses the claim that most of the remaining run depends on: by its own refresh, or by all those that wait for the
// same staging server.
func (s *slots) next() *claim {
	behind := map[string]time.Duration{}
	for _, c := range s.waiting {
		behind[c.item.Project.Host] += c.item.Expected / time.Duration(s.perHost)
	}
	weight := func(c *claim) time.Duration {
		if c.item.Project.Host == "" {
			return c.item.urgency()
		}
		return max(c.item.urgency(), behind[c.item.Project.Host])
	}
	var best *claim
	for _, c := range s.waiting {
		if c.item.Project.Host != "" && (s.readers[c.item.Project.Host] >= s.perHost || s.busy[c.item.Project.Host]) {
			continue
		}
		if best == nil || first(best, c) < 0 ||
			first(best, c) == 0 && cmp.Or(cmp.Compare(weight(c), weight(best)), cmp.Compare(c.item.urgency(), best.item.urgency())) > 0 {
			best = c
		}
	}
	return best
}

// first compares two claims by their field of that name.
func first(a, b *claim) int {
	switch {
	case a.first == b.first:
		return 0
	case a.first:
		return 1
	}
	return -1
}
