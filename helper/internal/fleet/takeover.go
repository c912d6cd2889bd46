package fleet

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// takeOver refreshes, after a shard's own share, what is still due in those of the others: a shard may be absent, killed, or have more to do than was
// expected. Its share only says which projects a shard begins with.
func (s *schedule) takeOver(ctx context.Context, items []*Item) {
	var group sync.WaitGroup
	for _, item := range s.others(items) {
		claim := s.slots.enter(item, false)
		group.Go(func() {
			if s.slots.wait(ctx, claim) != nil {
				return
			}
			due := s.still(ctx, item)
			s.slots.leave(item)
			if due {
				s.Watcher.TakeOver(item.Project)
				s.end(item, s.project(ctx, item, s.slots.enter(item, true)))
			}
		})
	}
	group.Wait()
}

// others are the projects of other shards, those of the next one first, so that not all shards take over the same ones.
func (s *schedule) others(items []*Item) []*Item {
	others := slices.DeleteFunc(slices.Clone(items), func(i *Item) bool { return i.Action != Leave || i.Project.Problem != nil })
	after := func(i *Item) int { return (i.Shard - s.Shard.Index + s.Shard.Count) % s.Shard.Count }
	slices.SortStableFunc(others, func(a, b *Item) int { return cmp.Compare(after(a), after(b)) })
	return others
}

// stillDue looks again whether a project of another shard is due, and nobody has tried to refresh it since the survey.
func stillDue(ctx context.Context, item *Item) bool {
	limited, cancel := context.WithTimeoutCause(ctx, surveyLimit, errSurveyLimit)
	defer cancel()
	before, why := item.history.last(), item.Why
	item.Why = ""
	err := guarded(func() error {
		if item.bucket == nil {
			return item.open(limited)
		}
		history, err := ReadHistory(limited, item.bucket)
		if err == nil {
			item.history = history.recent()
		}
		if !item.history.last().Equal(before) {
			return nil // somebody has tried
		}
		return item.look(limited)
	})
	if err != nil {
		item.Why = err.Error() // the refresh fails in the same way
	}
	if item.decide(item.Now(), Shard{Index: item.Shard}); item.Action == Refresh && item.history.last().Equal(before) {
		return true
	}
	item.Action, item.Why = Leave, why
	return false
}

// last is when the last known run of a project began; zero if there is none.
func (h History) last() time.Time {
	if len(h.Runs) == 0 {
		return time.Time{}
	}
	return h.Runs[len(h.Runs)-1].Started
}
