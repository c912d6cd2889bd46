package fleet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// hosts keeps all shards together from reading more databases of one staging server at once than it may have readers: a refresh holds one
// of the server's slots. It is empty if there is only one shard.
type hosts map[string]*hostSlots

// hostSlots are the slots of one staging server. They are leases in the bucket of the first of its projects, so that all shards find the
// same ones.
type hostSlots struct {
	name    string
	perHost int
	holder  string
	lasting func(error) bool // whether an error will come again
	note    func(*Project, string)

	mu     sync.Mutex
	stores []*Item // those in whose buckets the slots may be, in order
	slots  *bucket.Slots
	told   bool // it was said that they are all taken
}

// errHostBusy means that other shards hold all slots of a staging server.
var errHostBusy = errors.New("other shards hold all slots of this staging server")

func newHosts(r *Runner, items []*Item) hosts {
	all := hosts{}
	if r.Shard.Count < 2 && !r.ShareHosts {
		return all
	}
	for _, item := range items {
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
		all[host].stores = append(all[host].stores, item)
	}
	for _, h := range all {
		slices.SortFunc(h.stores, func(a, b *Item) int {
			return cmp.Or(cmp.Compare(a.Project.Place, b.Project.Place), cmp.Compare(a.Project.Slot, b.Project.Slot))
		})
	}
	return all
}

// enter takes a slot of a project's staging server. The lease is nil if there is nothing to take. The error is errHostBusy if other shards
// hold all slots.
func (all hosts) enter(ctx context.Context, item *Item) (*bucket.Lease, error) {
	h := all[item.Project.Host]
	if h == nil {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.stores) > 0 {
		lease, err := h.take(ctx)
		switch {
		case err == nil:
			return lease, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, bucket.ErrNoSlot):
			if !h.told {
				h.told = true
				h.note(item.Project, fmt.Sprintf("waits: other shards read %d databases of this staging server, which is what per_host allows", h.perHost))
			}
			return nil, errHostBusy
		case !h.lasting(err):
			return nil, fmt.Errorf("take a slot of the staging server: %w", err)
		}
		// Another project's bucket must not keep this one from being refreshed. The other shards find the same.
		if h.stores, h.slots = h.stores[1:], nil; len(h.stores) == 0 {
			h.note(item.Project, "other shards may read its staging server at the same time, because no slot of it can be taken: "+err.Error())
		}
	}
	return nil, nil
}

func (h *hostSlots) take(ctx context.Context) (*bucket.Lease, error) {
	if h.slots == nil {
		store := h.stores[0].bucket
		if store == nil {
			var err error
			if store, err = h.stores[0].Project.Open(ctx); err != nil {
				return nil, err
			}
		}
		h.slots = store.Slots(h.name, h.perHost, h.holder)
	}
	return h.slots.Take(ctx)
}
