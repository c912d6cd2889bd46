package fleet

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// ErrStoreSilent means that a store did not answer in the survey, nor when it was asked again.
var ErrStoreSilent = errors.New("the store of this bucket does not answer")

// noAnswer is an ErrStoreSilent that says how long was waited, and for what.
type noAnswer string

func (e noAnswer) Error() string { return string(e) }

// Is makes it an ErrStoreSilent.
func (noAnswer) Is(err error) bool { return err == ErrStoreSilent }

// secondChance is how long a store may take that did not answer in the survey. It outlasts a short outage.
const secondChance = time.Minute

// askAgain refreshes the projects whose stores have not answered, if they do now, and reports the others. Of those in one bucket, one is asked:
// each refresh would find out by itself, after minutes.
func (s *schedule) askAgain(ctx context.Context, items []*Item, refresh func(*Item)) {
	groups := map[string][]*Item{}
	for _, item := range items {
		if item.silent && item.Action == Refresh {
			groups[item.store()] = append(groups[item.store()], item)
		}
	}
	var asked sync.WaitGroup
	for _, group := range groups {
		asked.Go(func() {
			limited, cancel := context.WithTimeoutCause(ctx, secondChance, ErrStoreSilent)
			defer cancel()
			s.Watcher.Note(group[0].Project, "asks its bucket again, which has not answered")
			err := guarded(func() error {
				if group[0].bucket == nil {
					return group[0].open(limited)
				}
				return group[0].look(limited)
			})
			answered := err == nil || limited.Err() == nil || ctx.Err() != nil
			for _, item := range group {
				if answered {
					item.silent = false
					refresh(item)
					continue
				}
				s.end(item, Run{Outcome: item.outcome(Failed), Started: item.Now(), Tries: 1, Error: ErrStoreSilent.Error(), Hint: s.Hint(ErrStoreSilent)})
			}
		})
	}
	asked.Wait()
}

// store is the endpoint and the bucket of a project.
func (i *Item) store() string {
	endpoint, path, _ := strings.Cut(i.Project.Place, "s3://")
	bucket, _, _ := strings.Cut(path, "/")
	return endpoint + bucket
}
