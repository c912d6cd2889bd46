package fleet

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// Watch asks staging servers whether they have changed, and says which projects are to be refreshed. It remembers what they were like between
// runs.
type Watch struct {
	// Interval is how often each staging database is asked.
	Interval time.Duration
	// Review is how often all projects are looked at, whatever their staging says: what is due by its age, new settings, pauses.
	Review time.Duration
	// Note prints one line about a project.
	Note func(project *Project, line string)

	mutex    sync.Mutex
	watched  map[string]*watched // by slot
	reviewed time.Time
}

// watched is what is known of a project's staging.
type watched struct {
	state   string // as of the last answer
	changed bool   // since the last refresh began
	begun   time.Time
	told    string // the last failure to ask, which is told once
}

const (
	// asking at once is bounded as refreshes are; a database that takes so long to say whether it has changed is busy, and is left alone until
	// it answers faster or its dump is due by its age.
	watchParallel = 8
	watchLimit    = 20 * time.Second
	watchBusy     = 2 * time.Second
)

// NewWatch returns a Watch. The first run looks at all projects.
func NewWatch(interval, review time.Duration, note func(*Project, string)) *Watch {
	return &Watch{Interval: interval, Review: review, Note: note, watched: map[string]*watched{}}
}

// Next waits until there is something to do, and returns the slots of the projects whose staging has changed; none if it is time to look at
// all projects, also because reload got a value. The items are those of the last run. It returns the context's error if that ends.
func (w *Watch) Next(ctx context.Context, items []*Item, reload <-chan struct{}) (map[string]bool, error) {
	if w.reviewed.IsZero() {
		w.reviewed = time.Now()
	}
	for {
		w.ask(ctx, items)
		if due := w.due(items, time.Now()); len(due) > 0 {
			return due, nil
		}
		pause := min(w.Interval, time.Until(w.reviewed.Add(w.Review)))
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil, context.Cause(ctx)
			case <-reload:
				timer.Stop()
				w.reviewed = time.Now()
				return nil, nil
			case <-timer.C:
			}
		}
		if !time.Now().Before(w.reviewed.Add(w.Review)) {
			w.reviewed = time.Now()
			return nil, nil
		}
	}
}

// ask asks all staging databases, a few at a time.
func (w *Watch) ask(ctx context.Context, items []*Item) {
	var group errgroup.Group
	group.SetLimit(watchParallel)
	for _, item := range items {
		if item.Project.Changed == nil || item.Action == Leave || item.Action == Hold || item.Action == Report {
			continue
		}
		group.Go(func() error { w.askOne(ctx, item.Project); return nil })
	}
	_ = group.Wait()
}

func (w *Watch) askOne(ctx context.Context, project *Project) {
	one := w.of(project)
	if one.changed { // a refresh finds out how
		return
	}
	within, cancel := context.WithTimeout(ctx, watchLimit)
	defer cancel()
	began := time.Now()
	state, changed, err := project.Changed(within, one.state)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		if text := err.Error(); text != one.told {
			one.told = text
			w.Note(project, "cannot ask staging whether it has changed: "+text)
		}
		return
	case time.Since(began) > watchBusy:
		return // the same question is asked again
	}
	one.told, one.state, one.changed = "", state, changed
}

func (w *Watch) of(project *Project) *watched {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	one := w.watched[project.Slot]
	if one == nil {
		one = &watched{}
		w.watched[project.Slot] = one
	}
	return one
}

// due returns the projects that have changed, and whose last refresh began long enough ago.
func (w *Watch) due(items []*Item, now time.Time) map[string]bool {
	due := map[string]bool{}
	for _, item := range items {
		if one := w.of(item.Project); one.changed && !now.Before(one.begun.Add(item.Project.MinInterval)) {
			due[item.Project.Slot] = true
		}
	}
	return due
}

// Ran takes the results of a run, and forgets projects that the fleet no longer has. What somebody else has published may lack the change.
func (w *Watch) Ran(items []*Item, results []Result, began time.Time) {
	for _, result := range results {
		if result.Tries == 0 {
			continue
		}
		one := w.watched[result.Slot]
		if one == nil {
			continue
		}
		one.begun = began
		if result.State == Published || result.State == Unchanged {
			one.changed = false
		}
	}
	slots := map[string]bool{}
	for _, item := range items {
		slots[item.Project.Slot] = true
	}
	for slot := range w.watched {
		if !slots[slot] {
			delete(w.watched, slot)
		}
	}
}

// After waits before another attempt to read a fleet that could not be read; it ends early with reload.
func (w *Watch) After(ctx context.Context, reload <-chan struct{}) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-reload:
			cancel()
		case <-within.Done():
		}
	}()
	_ = clock.Sleep(within, w.Interval)
	return context.Cause(ctx)
}
