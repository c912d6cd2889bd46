package fleet

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// places are those of the refreshes that run at once. Who waits for one gets it when it is his turn, and when the
// staging server that he reads from has not too many readers already.
type places struct {
	parallel, perHost int

	mu      sync.Mutex
	open    bool // nobody gets a place before all who want one are known
	taken   int
	readers map[string]int // by host
	waiting []*claim
}

// claim is somebody who waits for a place.
type claim struct {
	item *Item
	// first goes before all others: it has begun already, and holds what others wait for.
	first bool
	given chan struct{} // closed with the place
}

func newPlaces(parallel, perHost int) *places {
	return &places{parallel: parallel, perHost: perHost, readers: map[string]int{}}
}

// enter queues up.
func (p *places) enter(item *Item, first bool) *claim {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &claim{item: item, first: first, given: make(chan struct{})}
	p.waiting = append(p.waiting, c)
	p.assign()
	return c
}

// start gives the first places.
func (p *places) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = true
	p.assign()
}

// wait waits for the place, or gives the cause of the context's end.
func (p *places) wait(ctx context.Context, c *claim) error {
	select {
	case <-c.given:
		if ctx.Err() == nil {
			return nil
		}
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := slices.Index(p.waiting, c); at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
	} else {
		p.free(c.item)
	}
	return context.Cause(ctx)
}

// leave gives a place to whoever is next.
func (p *places) leave(item *Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free(item)
}

func (p *places) free(item *Item) {
	p.taken--
	p.readers[item.Project.Host]--
	p.assign()
}

func (p *places) assign() {
	for p.open && p.taken < p.parallel {
		next := p.next()
		if next == nil {
			return
		}
		p.waiting = slices.Delete(p.waiting, slices.Index(p.waiting, next), slices.Index(p.waiting, next)+1)
		p.taken++
		p.readers[next.item.Project.Host]++
		close(next.given)
	}
}

// next chooses who is next: whoever has most of the rest of the run behind him, which is his own refresh, or all those
// that wait for the same staging server.
func (p *places) next() *claim {
	behind := map[string]time.Duration{}
	for _, c := range p.waiting {
		behind[c.item.Project.Host] += c.item.Expected / time.Duration(p.perHost)
	}
	weight := func(c *claim) time.Duration {
		if c.item.Project.Host == "" {
			return c.item.urgency()
		}
		return max(c.item.urgency(), behind[c.item.Project.Host])
	}
	var best *claim
	for _, c := range p.waiting {
		if c.item.Project.Host != "" && p.readers[c.item.Project.Host] >= p.perHost {
			continue
		}
		if best == nil || first(best, c) < 0 ||
			first(best, c) == 0 && cmp.Or(cmp.Compare(weight(c), weight(best)), cmp.Compare(c.item.urgency(), best.item.urgency())) > 0 {
			best = c
		}
	}
	return best
}

// first compares who goes before all others.
func first(a, b *claim) int {
	switch {
	case a.first == b.first:
		return 0
	case a.first:
		return 1
	}
	return -1
}
