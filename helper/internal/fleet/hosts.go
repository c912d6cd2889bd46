package fleet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// hosts keeps all shards together from reading more databases of one staging server at once than it may have readers: a refresh holds one
// of the server's slots. It is empty if there is only one shard.
type hosts map[string]*hostSlots

// hostSlots are the slots of one staging server. They are leases in buckets of its projects. A shard may not reach a bucket that others do, so a
// refresh holds a slot in several: two shards that have one of these in common keep to the limit together.
type hostSlots struct {
	name    string
	perHost int
	holder  string
	lasting func(error) bool // whether an error will come again
	note    func(*Project, string)

	mu     sync.Mutex
	places []*hostPlace // in the order of the first project's place, which is the same for all shards
	told   bool         // it was said that the slots are all taken
}

// hostPlace is a bucket in which slots are.
type hostPlace struct {
	bucket   string
	projects []*Item // whose dumps are there, and whose credentials may be used
	slots    *bucket.Slots
}

// slotPlaces is in how many buckets a refresh holds a slot, if its staging server has projects in as many. Most fleets have one.
const slotPlaces = 3

// errHostBusy means that other shards hold all slots of a staging server.
var errHostBusy = errors.New("other shards hold all slots of this staging server")

func newHosts(r *Runner, items []*Item) hosts {
	all := hosts{}
	if r.Shard.Count < 2 && !r.ShareHosts {
		return all
	}
	sorted := slices.SortedStableFunc(slices.Values(items), func(a, b *Item) int {
		return cmp.Or(cmp.Compare(a.Project.Place, b.Project.Place), cmp.Compare(a.Project.Slot, b.Project.Slot))
	})
	for _, item := range sorted {
		host := item.Project.Host
		if host == "" || item.Project.Problem != nil || item.Project.Open == nil || item.silent {
			continue
		}
		if all[host] == nil {
			sum := sha256.Sum256([]byte(host))
			all[host] = &hostSlots{
				name: "fleet/hosts/" + hex.EncodeToString(sum[:8]), perHost: r.PerHost, holder: r.Holder, note: r.Watcher.Note,
				lasting: func(err error) bool { return !r.MayPass(err) },
			}
		}
		all[host].add(item)
	}
	return all
}

// add adds a project to those in whose bucket the slots may be.
func (h *hostSlots) add(item *Item) {
	name, _, _ := strings.Cut(strings.TrimPrefix(item.Project.Store, "s3://"), "/")
	at := slices.IndexFunc(h.places, func(p *hostPlace) bool { return p.bucket == name })
	if at < 0 {
		h.places, at = append(h.places, &hostPlace{bucket: name}), len(h.places)
	}
	h.places[at].projects = append(h.places[at].projects, item)
}

// enter takes a slot of a project's staging server. There is no lease if there is nothing to take. The error is errHostBusy if other shards
// hold all slots.
func (all hosts) enter(ctx context.Context, item *Item) (leases []*bucket.Lease, err error) {
	h := all[item.Project.Host]
	if h == nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var failed error
	for at := 0; at < min(len(h.places), slotPlaces); {
		lease, err := h.places[at].take(ctx, h)
		switch {
		case err == nil:
			leases = append(leases, lease)
			at++
		case ctx.Err() != nil:
			release(leases)
			return nil, context.Cause(ctx)
		case errors.Is(err, bucket.ErrNoSlot):
			release(leases)
			if !h.told {
				h.told = true
				h.note(item.Project, fmt.Sprintf("waits: other shards read %d databases of this staging server, which is what per_host allows", h.perHost))
			}
			return nil, errHostBusy
		case h.lasting(err):
			// Another project's bucket must not keep this one from being refreshed.
			failed = err
			if place := h.places[at]; len(place.projects) > 1 {
				place.projects, place.slots = place.projects[1:], nil
			} else if h.places = slices.Delete(h.places, at, at+1); len(h.places) == 0 {
				h.note(item.Project, "other shards may read its staging server at the same time, because no slot of it can be taken: "+err.Error())
			}
		default:
			failed = err
			at++
		}
	}
	if len(leases) == 0 && len(h.places) > 0 {
		return nil, fmt.Errorf("take a slot of the staging server: %w", failed)
	}
	return leases, nil
}

func (p *hostPlace) take(ctx context.Context, h *hostSlots) (*bucket.Lease, error) {
	if p.slots == nil {
		store := p.projects[0].bucket
		if store == nil {
			var err error
			if store, err = p.projects[0].Project.Open(ctx); err != nil {
				return nil, err
			}
		}
		p.slots = store.Slots(h.name, h.perHost, h.holder)
	}
	return p.slots.Take(ctx)
}

// release frees slots. What cannot be released is free half a minute later.
func release(leases []*bucket.Lease) {
	for _, lease := range leases {
		_ = lease.Release(context.WithoutCancel(lease.Context()), bucket.Published{})
	}
}
