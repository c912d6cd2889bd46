package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// Action is what a run does with a project.
type Action string

const (
	// Refresh is for a project that is due.
	Refresh Action = "refresh"
	// Skip is for a project whose newest dump is young enough.
	Skip Action = "skip"
	// Hold is for a project that is paused.
	Hold Action = "paused"
	// Report is for a project that cannot be refreshed at all.
	Report Action = "report"
	// Leave is for a project that belongs to another shard.
	Leave Action = "leave"
)

// Item is a project with what is known about it before a run.
type Item struct {
	Project *Project
	Action  Action
	// Why is the reason for the action.
	Why string
	// Shard is the one that the project belongs to, 0 if there is only one.
	Shard int
	// Newest is the newest dump, nil if there is none or it is unknown.
	Newest *bucket.Object
	// Expected is how long a refresh will take, 0 if unknown.
	Expected time.Duration

	silent  bool           // the bucket has not answered in time
	bucket  *bucket.Bucket // nil if it could not be opened
	history History
}

// The limits of a survey's requests to buckets.
const (
	surveyRequests = 32
	surveyLimit    = 30 * time.Second // for each project
	surveyWhole    = time.Minute      // for all of them
	surveyProgress = 5 * time.Second
)

var (
	errSurveyLimit = noAnswer("the bucket has not answered within " + surveyLimit.String())
	errSurveyWhole = noAnswer("the bucket was not asked, because the buckets of other projects took longer than " + surveyWhole.String())
)

// bytesPerSecond is the assumed speed of a refresh, in bytes of the object, if no project of the fleet has been timed.
const bytesPerSecond = 5e6

// Survey decides what to do for each project and returns them in the order in which they will begin. It reads the buckets
// and changes nothing. If they take long, note gets a line now and then that says how far it is. What does not answer in time is
// due: a refresh fails in the same way, or the bucket answers by then.
func Survey(ctx context.Context, projects []Project, shard Shard, note func(string)) ([]*Item, error) {
	items := make([]*Item, len(projects))
	for i := range projects {
		items[i] = &Item{Project: &projects[i]}
	}
	now := time.Now()
	asked := &asking{note: note, whole: now.Add(surveyWhole)}
	if err := asked.each(ctx, items, (*Item).open); err != nil {
		return nil, err
	}
	if shard.Count > 0 {
		for item, index := range shares(items, shard.Count, now) {
			item.Shard = index
		}
	}
	mine := slices.DeleteFunc(slices.Clone(items), func(item *Item) bool { return item.Shard != shard.Index })
	if err := asked.each(ctx, mine, (*Item).look); err != nil {
		return nil, err
	}
	for _, item := range items {
		item.decide(item.Now(), shard)
	}
	expect(items)
	slices.SortStableFunc(items, func(a, b *Item) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.urgency(), a.urgency()), cmp.Compare(a.Project.Name, b.Project.Name))
	})
	return items, nil
}

// asking is the part of a survey that asks the buckets.
type asking struct {
	note  func(string)
	whole time.Time // when all must have ended
}

// each calls do for several projects at a time, except those that have a Problem or have failed. An error becomes the reason to refresh
// the project: the refresh fails in the same way, or the error was temporary.
func (a *asking) each(ctx context.Context, items []*Item, do func(*Item, context.Context) error) error {
	whole, cancel := context.WithDeadlineCause(ctx, a.whole, errSurveyWhole)
	defer cancel()
	var answered atomic.Int64
	stop := a.progress(whole, &answered, len(items))
	defer stop()
	var group errgroup.Group
	group.SetLimit(surveyRequests)
	for _, item := range items {
		group.Go(func() error {
			defer answered.Add(1)
			switch {
			case item.Project.Problem != nil || item.silent || ctx.Err() != nil:
				return nil
			case !time.Now().Before(a.whole):
				item.Why, item.silent = errSurveyWhole.Error(), true
				return nil
			}
			limited, cancel := context.WithTimeoutCause(whole, surveyLimit, errSurveyLimit)
			defer cancel()
			err := guarded(func() error { return do(item, limited) })
			if err != nil && limited.Err() != nil && ctx.Err() == nil {
				err, item.silent = errSurveyLimit, true
			}
			if err != nil {
				item.Why = err.Error()
			}
			return nil
		})
	}
	_ = group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// progress says now and then how many buckets have answered, until stop is called.
func (a *asking) progress(ctx context.Context, answered *atomic.Int64, all int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for clock.Sleep(ctx, surveyProgress) == nil {
			a.note(fmt.Sprintf("asking the buckets: %d of %d projects so far", answered.Load(), all))
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// guarded turns a panic into an error.
func guarded(do func() error) (err error) {
	defer func() {
		if found := recover(); found != nil {
			err = &PanicError{found}
		}
	}()
	return do()
}

// A PanicError is a bug in this program that one project has triggered.
type PanicError struct{ value any }

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// open opens the bucket and reads the history.
func (i *Item) open(ctx context.Context) (err error) {
	if i.bucket, err = i.Project.Open(ctx); err != nil {
		return err
	}
	// A history that cannot be read is no reason not to refresh.
	history, err := ReadHistory(ctx, i.bucket)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		i.history = history.recent()
		if history.Source.Differs(i.Project.Source) {
			return ErrOtherSource // a refresh finds out whether it is the same server under another address
		}
	}
	return nil
}

// Now is the present time by the clock of the project's bucket.
func (i *Item) Now() time.Time {
	if i.bucket == nil {
		return time.Now().UTC()
	}
	return i.bucket.Now()
}

// look looks for the newest dump.
func (i *Item) look(ctx context.Context) error {
	if i.bucket == nil {
		return nil
	}
	newest, err := i.bucket.Newest(ctx)
	switch {
	case errors.Is(err, bucket.ErrEmpty):
		return nil
	case err != nil:
		return err
	}
	i.Newest = &newest
	return i.history.askConfirmation(ctx, i.bucket, i.Newest, i.Project.Due())
}

// decide chooses the action.
func (i *Item) decide(now time.Time, shard Shard) {
	switch known := i.known(now); {
	case i.Shard != shard.Index:
		i.Action, i.Why = Leave, fmt.Sprintf("belongs to shard %d/%d", i.Shard, shard.Count)
	case i.Project.Problem != nil:
		i.Action, i.Why = Report, i.Project.Problem.Error()
	case i.Why != "":
		i.Action = Refresh
	case i.Project.Forced:
		i.Action, i.Why = Refresh, "was asked for"
	case i.history.paused(now) != nil:
		i.Action, i.Why = Hold, i.history.paused(now).String()
	case i.Newest == nil:
		i.Action, i.Why = Refresh, "has no dump yet"
	case i.Project.Seen:
		i.Action, i.Why = Refresh, "has changed"
	case clock.Younger(known, now, i.Project.Due()):
		i.Action, i.Why = Skip, "is fresh until "+known.Add(i.Project.Due()).UTC().Format("2006-01-02 15:04 UTC")
	default:
		i.Action, i.Why = Refresh, "has been due since "+known.Add(i.Project.Due()).UTC().Format("2006-01-02 15:04 UTC")
	}
}

// known is when the newest dump was last known to match staging; zero if there is none.
func (i *Item) known(now time.Time) time.Time {
	if i.Newest == nil {
		return time.Time{}
	}
	return i.history.known(i.Newest, now)
}

// expect estimates how long each refresh will take: by the last ones, or by the size of its newest dump.
func expect(items []*Item) {
	var rates []float64
	for _, item := range items {
		expected, ok := item.history.Expected()
		if !ok {
			continue
		}
		item.Expected = max(expected, time.Millisecond)
		if item.Newest != nil {
			rates = append(rates, float64(item.Newest.Size)/item.Expected.Seconds())
		}
	}
	rate := bytesPerSecond
	if len(rates) > 0 {
		rate = max(median(rates), 1)
	}
	for _, item := range items {
		if item.Expected == 0 && item.Newest != nil {
			item.Expected = max(time.Duration(float64(item.Newest.Size)/rate*float64(time.Second)), time.Millisecond)
		}
	}
}

// urgency orders projects. A long refresh that begins last delays the whole run, so long ones begin first, and so do those
// of unknown length.
func (i *Item) urgency() time.Duration {
	if i.Expected == 0 {
		return 1 << 62
	}
	return i.Expected
}

// rank orders the rows of a plan.
func rank(item *Item) int {
	return slices.Index([]Action{Refresh, Skip, Hold, Report, Leave}, item.Action)
}
