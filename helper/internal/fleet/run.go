package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Runner refreshes a fleet.
type Runner struct {
	Limits
	Shard Shard
	// ShareHosts counts the refreshes of other processes, too, for the limit per staging server, as shards do.
	ShareHosts bool
	// Holder names this process to others, as in ada@laptop.
	Holder string
	// MayPass reports whether another try may succeed after an error. Hint says what a user can do about it.
	MayPass func(error) bool
	Hint    func(error) string
	Watcher Watcher
	Bakes   BakeWatcher

	still func(context.Context, *Item) bool // stillDue, but in tests
}

// Watcher follows a run. Several goroutines call it.
type Watcher interface {
	// TakeOver says that a project of another shard is refreshed, too, which is still due.
	TakeOver(project *Project)
	// Begin says that a try of a project begins; the first is 1. Its progress goes to the Lane that it returns.
	Begin(project *Project, try int) Lane
	// Retry says that a try failed, and when the next one comes.
	Retry(project *Project, err error, after time.Duration)
	// End receives a project's result.
	End(Result)
	// Note prints one line about a project.
	Note(project *Project, line string)
}

// BakeWatcher follows the bakes, which come after all refreshes.
type BakeWatcher interface {
	// Bake says that the newest dump of a project is being baked. Its progress goes to the Lane that it returns.
	Bake(*Project) Lane
	// Baked receives the result.
	Baked(*Project, Baking)
}

// Lane receives the progress of one try or one bake.
type Lane interface {
	dump.Progress
	// Close says that the try is over.
	Close()
}

// Result is the result of a project in a run.
type Result struct {
	Project string `json:"project"`
	Slot    string `json:"slot"`
	Store   string `json:"store,omitempty"`
	Run
	// KnownBroken is until when it is known that the project fails; zero if it is not, or it has not failed.
	KnownBroken time.Time `json:"known_broken_until,omitzero"`
	// Bake is the result of baking its newest dump; nil if there was nothing to bake.
	Bake *Baking `json:"bake,omitempty"`
}

// KnownUntil says until which day its failures are known; "" if they are not.
func (r Result) KnownUntil() string { return knownUntil(r.KnownBroken) }

// Fine reports whether the project has a fresh dump, or it is known that it has none.
func (r Result) Fine() bool { return r.State.Good() || r.State == Paused || !r.KnownBroken.IsZero() }

// Run refreshes the projects that a survey has found due, first those of the shard, then what is left of the others'. It returns a result for each
// project of the shard and each that it has taken over, when all are done or the context has ended. In the latter case, running refreshes end cleanly and the others are not run.
func (r *Runner) Run(ctx context.Context, items []*Item) []Result {
	s := &schedule{Runner: r, slots: newSlots(r.Parallel, r.PerHost), hosts: newHosts(r, items)}
	var group sync.WaitGroup
	refresh := func(item *Item) {
		claim := s.slots.enter(item, false)
		group.Go(func() { s.end(item, s.project(ctx, item, claim)) })
	}
	for _, item := range items {
		switch item.Action {
		case Refresh:
			if !item.silent {
				refresh(item)
			}
		case Skip:
			s.end(item, Run{Outcome: item.outcome(Fresh)})
		case Hold:
			s.end(item, Run{Outcome: item.outcome(Paused)})
		case Report:
			s.end(item, Run{Outcome: item.outcome(Failed), Error: item.Project.Problem.Error(), Hint: r.Hint(item.Project.Problem)})
		}
	}
	s.slots.start()
	group.Go(func() { s.askAgain(ctx, items, refresh) })
	group.Wait()
	if s.still == nil {
		s.still = stillDue
	}
	s.takeOver(ctx, items)
	order := map[string]int{}
	for i, item := range items {
		order[item.Project.Slot] = i
	}
	slices.SortFunc(s.results, func(a, b Result) int { return order[a.Slot] - order[b.Slot] })
	s.bake(ctx, items)
	return s.results
}

// schedule is one run.
type schedule struct {
	*Runner
	slots *slots
	hosts hosts

	mu      sync.Mutex
	results []Result
}

func (s *schedule) end(item *Item, run Run) {
	result := Result{Project: item.Project.Name, Slot: item.Project.Slot, Store: item.Project.Store, Run: run}
	if !result.Fine() {
		result.KnownBroken = item.Project.knownBroken(time.Now())
	}
	s.mu.Lock()
	s.results = append(s.results, result)
	s.mu.Unlock()
	s.Watcher.End(result)
}

// outcome is that of a project that has no newer dump than before the run.
func (i *Item) outcome(state State) Outcome {
	outcome := Outcome{State: state}
	if i.Newest != nil {
		outcome.Key, outcome.SnapshotTime, outcome.ObjectBytes = i.Newest.Key, i.Newest.Time, i.Newest.Size
	}
	return outcome
}

// The pause before the second try. It doubles with each further one.
const (
	firstPause = 5 * time.Second
	mostPause  = 5 * time.Minute
)

// project refreshes one project, with as many tries as it may have.
func (s *schedule) project(ctx context.Context, item *Item, claim *claim) (run Run) {
	run.Outcome = item.outcome(NotRun)
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		if s.slots.wait(ctx, claim) != nil {
			return run
		}
		leases, err := s.hosts.enter(ctx, item)
		if errors.Is(err, errHostBusy) {
			claim = s.slots.postpone(claim)
			continue
		}
		run.Tries++
		began := time.Now()
		run.Started = item.Now()
		outcome, err := s.try(ctx, item, run.Tries, leases, err)
		run.Seconds = time.Since(began).Seconds()
		switch {
		case err == nil:
			run.Outcome, run.Error, run.Hint = outcome, "", ""
		case ctx.Err() != nil: // interrupted
			return run
		case run.Tries <= item.Project.Retries && s.MayPass(err):
			after := time.Duration(float64(pause) * (0.75 + rand.Float64()/2)) // not all at the same moment
			s.Watcher.Retry(item.Project, err, after)
			if clock.Sleep(ctx, after) != nil {
				return run
			}
			claim = s.slots.enter(item, false)
			continue
		default:
			run.State, run.Error, run.Hint = Failed, err.Error(), s.Hint(err)
		}
		s.record(ctx, item, run)
		return run
	}
}

// recordLimit limits how long writing a history may take.
const recordLimit = 30 * time.Second

// record stores the result of a refresh in the history, even if the run has been interrupted.
func (s *schedule) record(ctx context.Context, item *Item, run Run) {
	if run.State == Fresh {
		return // somebody else made the dump and records it
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	if err := record(ctx, item, run); err != nil {
		s.Watcher.Note(item.Project, err.Error())
	}
}
