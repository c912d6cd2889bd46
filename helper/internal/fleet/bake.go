package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// Baking is the result of baking a project's dump.
type Baking struct {
	Dump string `json:"dump"` // its key
	// Series are the series of servers for which the dump is baked now, as in "mariadb-11.8".
	Series  []string `json:"series,omitempty"`
	Seconds float64  `json:"seconds"`
	// Error and Hint are what a user would have read. Neither contains a secret.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// bake bakes the newest dumps that are not baked yet. It comes after all refreshes, so that no project waits for another
// one's bake. Bakes run one at a time, because each starts a server and uses all processors.
func (s *schedule) bake(ctx context.Context, items []*Item) {
	bySlot := map[string]*Item{}
	for _, item := range items {
		bySlot[item.Project.Slot] = item
	}
	for i := range s.results {
		result := &s.results[i]
		item := bySlot[result.Slot]
		if ctx.Err() != nil {
			return
		}
		if result.State.Good() && item.wantsBake(result.Key) {
			result.Bake = s.bakeOne(ctx, item, result.Key)
		}
	}
}

// wantsBake reports whether a dump has to be baked, as far as the survey knows.
func (i *Item) wantsBake(key string) bool {
	if len(i.Project.Bakes) == 0 || key == "" {
		return false
	}
	return i.Newest == nil || i.Newest.Key != key || len(bakedOf(i.Newest, i.Project.Bakes)) < len(i.Project.Bakes)
}

// bakedOf returns those of the wanted series for which a dump is baked.
func bakedOf(dump *bucket.Object, wanted []string) (there []string) {
	for _, series := range wanted {
		if slices.ContainsFunc(dump.Baked, func(object bucket.Object) bool { return object.Series == series }) {
			there = append(there, series)
		}
	}
	return there
}

// bakeOne bakes one dump. It returns nil if that was interrupted.
func (s *schedule) bakeOne(ctx context.Context, item *Item, key string) *Baking {
	began := time.Now()
	lane := s.Bakes.Bake(item.Project)
	limited := ctx
	if limit := item.Project.TimeLimit; limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w of %s", ErrBakeTimeLimit, limit))
		defer cancel()
	}
	baking := &Baking{Dump: key}
	err := guarded(func() (err error) {
		baking.Series, err = item.Project.Bake(limited, key, lane)
		return err
	})
	lane.Close()
	if ctx.Err() != nil {
		return nil
	}
	if err != nil && limited.Err() != nil {
		err = context.Cause(limited)
	}
	if err != nil {
		baking.Error, baking.Hint = err.Error(), s.Hint(err)
	}
	baking.Seconds = time.Since(began).Seconds()
	s.Bakes.Baked(item.Project, *baking)
	s.recordBake(ctx, item, *baking)
	return baking
}

// recordBake stores the result of a bake in the history.
func (s *schedule) recordBake(ctx context.Context, item *Item, baking Baking) {
	if item.bucket == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	err := updateHistory(ctx, item.bucket, func(history *History) bool {
		history.Bake = &baking
		return true
	})
	if err != nil {
		s.Watcher.Note(item.Project, err.Error())
	}
}
