package fleet

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Runner says how a fleet is refreshed.
type Runner struct {
	Limits
	Shard Shard
	// MayPass says whether what went wrong may be gone at the next try, Hint what a user can do about it.
	MayPass func(error) bool
	Hint    func(error) string
	Watcher Watcher
	Bakes   BakeWatcher
}

// Watcher sees a run as it goes on. It is called by several goroutines.
type Watcher interface {
	// Begin says that a try of a project begins, the first one is 1; its progress goes to what is returned.
	Begin(project *Project, try int) Lane
	// Retry says that a try failed, and that the next one comes after a while.
	Retry(project *Project, err error, after time.Duration)
	// End says what came of a project.
	End(Result)
	// Note says one line of a project.
	Note(project *Project, line string)
}

// BakeWatcher sees what comes when all dumps are fresh.
type BakeWatcher interface {
	// Bake says that the newest dump of a project is being baked; its progress goes to what is returned.
	Bake(*Project) Lane
	// Baked says what came of that.
	Baked(*Project, Baking)
}

// Lane is where the progress of one try, or of one bake, goes.
type Lane interface {
	Progress
	// Close says that the try is over.
	Close()
}

// Result is what came of a project in a run.
type Result struct {
	Project string `json:"project"`
	Place   string `json:"place"`
	Store   string `json:"store,omitempty"`
	Run
	// Bake is what came of baking its newest dump; nil where that was not to be done, or had been done before.
	Bake *Baking `json:"bake,omitempty"`
}

// Run refreshes what a survey says. It gives a result for each project of the shard, and returns when all are done or
// the context has ended: then those that run end cleanly, and the rest is not run.
func (r *Runner) Run(ctx context.Context, items []*Item) []Result {
	s := &schedule{Runner: r, places: newPlaces(r.Parallel, r.PerHost)}
	var group sync.WaitGroup
	for _, item := range items {
		switch item.Action {
		case Refresh:
			claim := s.places.enter(item, false)
			group.Go(func() { s.end(item, s.project(ctx, item, claim)) })
		case Skip:
			s.end(item, Run{Outcome: item.outcome(Fresh)})
		case Report:
			s.end(item, Run{Outcome: item.outcome(Failed), Error: item.Project.Problem.Error(), Hint: r.Hint(item.Project.Problem)})
		}
	}
	s.places.start()
	group.Wait()
	order := map[string]int{}
	for i, item := range items {
		order[item.Project.Place] = i
	}
	slices.SortFunc(s.results, func(a, b Result) int { return order[a.Place] - order[b.Place] })
	s.bake(ctx, items)
	return s.results
}

// schedule is one run.
type schedule struct {
	*Runner
	places *places

	mu      sync.Mutex
	results []Result
}

func (s *schedule) end(item *Item, run Run) {
	result := Result{Project: item.Project.Name, Place: item.Project.Place, Store: item.Project.Store, Run: run}
	s.mu.Lock()
	s.results = append(s.results, result)
	s.mu.Unlock()
	s.Watcher.End(result)
}

// outcome is that of a project of which there is nothing newer than before the run.
func (i *Item) outcome(state State) Outcome {
	outcome := Outcome{State: state}
	if i.Newest != nil {
		outcome.Key, outcome.SnapshotTime, outcome.ObjectBytes = i.Newest.Key, i.Newest.Time, i.Newest.Size
	}
	return outcome
}

// How long is waited before the second try; doubles with each further one.
const (
	firstPause = 5 * time.Second
	mostPause  = 5 * time.Minute
)

// project refreshes one project, in as many tries as it may have.
func (s *schedule) project(ctx context.Context, item *Item, claim *claim) (run Run) {
	run.Outcome = item.outcome(NotRun)
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		if s.places.wait(ctx, claim) != nil {
			return run
		}
		run.Tries++
		run.Started = time.Now().UTC()
		outcome, err := s.try(ctx, item, run.Tries)
		run.Seconds = time.Since(run.Started).Seconds()
		switch {
		case err == nil:
			run.Outcome, run.Error, run.Hint = outcome, "", ""
		case ctx.Err() != nil: // interrupted in its middle
			return run
		case run.Tries <= item.Project.Retries && s.MayPass(err):
			after := time.Duration(float64(pause) * (0.75 + rand.Float64()/2)) // not all at the same moment
			s.Watcher.Retry(item.Project, err, after)
			if sleep(ctx, after) != nil {
				return run
			}
			claim = s.places.enter(item, false)
			continue
		default:
			run.State, run.Error, run.Hint = Failed, err.Error(), s.Hint(err)
		}
		s.record(ctx, item, run)
		return run
	}
}

// recordLimit is how long writing a history may take.
const recordLimit = 30 * time.Second

// record keeps what came of a refresh that was made. An interruption does not keep it from that.
func (s *schedule) record(ctx context.Context, item *Item, run Run) {
	if run.State == Fresh {
		return // somebody else's, who records it
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	if err := record(ctx, item, run); err != nil {
		s.Watcher.Note(item.Project, err.Error())
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
