package fleet

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// ProjectStatus is the state of a project's dumps, according to its bucket. Sizes are in bytes.
type ProjectStatus struct {
	Name    string  `json:"name"`
	Slot    string  `json:"slot"`
	Store   string  `json:"store,omitempty"`
	Verdict Verdict `json:"verdict"`

	// Key is that of the newest dump, SnapshotTime when its rows were read. Checked is when it was last known to match
	// staging: later than SnapshotTime if staging was found unchanged since.
	Key          string    `json:"key,omitempty"`
	SnapshotTime time.Time `json:"snapshot_time,omitzero"`
	Checked      time.Time `json:"checked,omitzero"`
	ObjectBytes  int64     `json:"object_bytes,omitempty"`
	// Age is the time since Checked, MaxAge the most it may be; 0 is no limit.
	Age    Seconds `json:"age_seconds"`
	MaxAge Seconds `json:"max_age_seconds,omitempty"`

	// Took is how long the last refresh that published took.
	Took Seconds `json:"took_seconds,omitempty"`
	// SizeTrend and TookTrend compare the last published dump with those before it: 0.1 is a tenth more than
	// usual. They are 0 if too little is known.
	SizeTrend float64 `json:"size_trend,omitempty"`
	TookTrend float64 `json:"took_trend,omitempty"`

	// LastResult is what came of the last refresh by a fleet, and LastRun when it began.
	LastResult State     `json:"last_result,omitempty"`
	LastRun    time.Time `json:"last_run,omitzero"`
	// Error is why the verdict is broken, unreachable or failing, and Hint what to do about it.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
	// Failures counts the last refreshes that failed in a row. The first of them began at FailingSince.
	Failures     int       `json:"failures,omitempty"`
	FailingSince time.Time `json:"failing_since,omitzero"`

	// Bakes are the series of servers to bake dumps for, Baked those for which the newest one is baked. BakeError says
	// why a fleet could not bake it.
	Bakes     []string `json:"bakes,omitempty"`
	Baked     []string `json:"baked,omitempty"`
	BakeError string   `json:"bake_error,omitempty"`
	BakeHint  string   `json:"bake_hint,omitempty"`

	// Restored is the last check of one of its dumps by restoring it; nil if there was none.
	Restored *Restored `json:"restored,omitempty"`
	// ServiceLevel is the share of the last 30 days, or of ServiceTime if that is shorter, in which its newest dump was younger than MaxAge. It
	// is nil if too little is known.
	ServiceLevel *float64 `json:"service_level,omitempty"`
	ServiceTime  Seconds  `json:"service_seconds,omitempty"`
	// Dumps counts those in the bucket, HeldBytes is the size of all of them and of what was baked from them.
	Dumps     int   `json:"dumps,omitempty"`
	HeldBytes int64 `json:"held_bytes,omitempty"`
	// Rows are those of the newest dump, if a refresh by the fleet has published it. Publisher and Server are who made it, and of which
	// server; only a report asks for them.
	Rows      int64  `json:"rows,omitempty"`
	Publisher string `json:"publisher,omitempty"`
	Server    string `json:"server,omitempty"`

	// Pause is why the fleet leaves it alone; nil if it does not.
	Pause *Pause `json:"pause,omitempty"`

	// Runs are its known refreshes, the oldest first.
	Runs []Run `json:"-"`

	// KnownBroken is until when it is known that something is wrong with it; zero if it is not, or all is well.
	KnownBroken time.Time `json:"known_broken_until,omitzero"`

	notified Notified
	remind   time.Duration
}

// KnownUntil says until which day its failures are known; "" if they are not.
func (p ProjectStatus) KnownUntil() string { return knownUntil(p.KnownBroken) }

func knownUntil(end time.Time) string {
	if end.IsZero() {
		return ""
	}
	return "known to be broken until " + end.AddDate(0, 0, -1).Format(time.DateOnly)
}

// Fine reports whether its dumps are as they should be, or it is known that they are not.
func (p ProjectStatus) Fine() bool { return p.Verdict.Well() || !p.KnownBroken.IsZero() }

// Seconds is a duration that JSON shows as a number of seconds.
type Seconds float64

// Duration returns it as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// Overdue reports whether the newest dump is too old.
func (p ProjectStatus) Overdue() bool { return p.Key != "" && p.MaxAge > 0 && p.Age > p.MaxAge }

const (
	// lookTime limits the wait for one project's bucket, so that it does not hold up the others.
	lookTime = 30 * time.Second
	// looksAtOnce limits how many buckets are read at once. Nearly all of the time is spent waiting.
	looksAtOnce = 32
)

var errNoAnswer = noAnswer("no answer within " + lookTime.String())

// Look reads the status of each project from its bucket, with one listing and one small object, and returns the worst
// first. What takes longer than a minute altogether is not asked; until then, note gets a line now and then. Hint says what a user can do about an error. A project's own error is in its status; the returned error is that
// of the context.
func Look(ctx context.Context, projects []Project, hint func(error) string, note func(string)) ([]ProjectStatus, error) {
	found := make([]ProjectStatus, len(projects))
	whole, cancel := context.WithTimeoutCause(ctx, surveyWhole, errSurveyWhole)
	defer cancel()
	var answered atomic.Int64
	stop := (&asking{note: note}).progress(whole, &answered, len(projects))
	defer stop()
	var looks errgroup.Group
	looks.SetLimit(looksAtOnce)
	for i, project := range projects {
		looks.Go(func() error {
			defer answered.Add(1)
			found[i] = look(whole, project, hint)
			return nil
		})
	}
	_ = looks.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return WorstFirst(found), nil
}

// WorstFirst orders projects by verdict, then by how much of the maximum age has passed.
func WorstFirst(found []ProjectStatus) []ProjectStatus {
	return slices.SortedStableFunc(slices.Values(found), func(x, y ProjectStatus) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Verdicts, x.Verdict), slices.Index(Verdicts, y.Verdict)),
			cmp.Compare(y.spent(), x.spent()), strings.Compare(x.Name, y.Name), strings.Compare(x.Slot, y.Slot),
		)
	})
}

// spent is the age as a fraction of the maximum.
func (p ProjectStatus) spent() float64 { return float64(p.Age) / max(1, float64(p.MaxAge)) }

func look(ctx context.Context, project Project, hint func(error) string) ProjectStatus {
	if project.Problem != nil {
		return unknownStatus(project, VerdictBroken, project.Problem, hint)
	}
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		return unknownStatus(project, VerdictUnreachable, errSurveyWhole, hint)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lookTime, errNoAnswer)
	defer cancel()
	newest, contents, history, now, err := read(ctx, project)
	if err != nil && ctx.Err() != nil {
		err = errNoAnswer
	}
	if err != nil {
		return unknownStatus(project, VerdictUnreachable, err, hint)
	}
	if history.Source.Differs(project.Source) {
		return unknownStatus(project, VerdictBroken, ErrOtherSource, hint)
	}
	status := Judge(project, newest, history, now)
	status.hold(contents)
	return status
}

// hold counts what the bucket holds.
func (p *ProjectStatus) hold(contents bucket.Contents) {
	p.Dumps = len(contents.Dumps) + len(contents.Future)
	for _, objects := range [][]bucket.Object{contents.Dumps, contents.Future, contents.Orphans} {
		for _, object := range objects {
			p.HeldBytes += object.Size
			for _, baked := range object.Baked {
				p.HeldBytes += baked.Size
			}
		}
	}
}

// read returns a project's newest dump, nil if there is none, what else is there, its history, and the present time by the bucket's clock.
func read(ctx context.Context, project Project) (*bucket.Object, bucket.Contents, History, time.Time, error) {
	nothing := bucket.Contents{}
	store, err := project.Open(ctx)
	if err != nil {
		return nil, nothing, History{}, time.Time{}, err
	}
	history, err := ReadHistory(ctx, store)
	if err != nil && !errors.Is(err, bucket.ErrAccessDenied) { // which S3 may answer for a history that does not exist
		return nil, nothing, History{}, time.Time{}, err
	}
	contents, err := store.ContentsTold(ctx)
	if err != nil {
		return nil, nothing, history, time.Time{}, err
	}
	if len(contents.Dumps) == 0 {
		return nil, contents, history, store.Now(), nil
	}
	newest := contents.Dumps[0]
	due := project.MaxAge
	if due == 0 {
		due = time.Duration(history.MaxAge * float64(time.Second))
	}
	if err := history.askConfirmation(ctx, store, &newest, due); err != nil {
		return nil, contents, history, time.Time{}, err
	}
	return &newest, contents, history, store.Now(), nil
}

// begin returns a status with what the project's configuration says, and nothing from its bucket.
func begin(project Project) ProjectStatus {
	return ProjectStatus{
		Name: project.Name, Slot: project.Slot, Store: project.Store, MaxAge: Seconds(project.MaxAge.Seconds()),
		Bakes: project.Bakes, KnownBroken: project.knownBroken(time.Now()), remind: project.Remind,
	}
}

// unknownStatus is the status of a project whose dumps cannot be read.
func unknownStatus(project Project, verdict Verdict, why error, hint func(error) string) ProjectStatus {
	status := begin(project)
	status.Verdict, status.Error, status.Hint = verdict, why.Error(), hint(why)
	return status
}

// Judge returns a project's status at a moment, from its history and its newest dump, which is nil if there is none.
func Judge(project Project, newest *bucket.Object, history History, now time.Time) ProjectStatus {
	status := begin(project)
	status.Runs, status.notified = history.Runs, history.Notified
	if status.MaxAge == 0 {
		status.MaxAge = Seconds(history.MaxAge)
	}
	if newest != nil {
		status.Key, status.SnapshotTime, status.ObjectBytes = newest.Key, newest.Time, newest.Size
		status.Checked = history.known(newest, now)
		status.Age = Seconds(clock.Age(status.Checked, now).Seconds())
		status.Baked = bakedOf(newest, project.Bakes)
		if last := history.Bake; last != nil && last.Dump == newest.Key && len(status.Baked) < len(status.Bakes) {
			status.BakeError, status.BakeHint = last.Error, last.Hint
		}
	}
	status.serve(newest, history, now)
	status.trends()
	status.lastRun(newest)
	status.Pause, status.Restored = history.paused(now), history.Restored
	switch {
	case status.Pause != nil:
		status.Verdict = VerdictPaused
	case newest == nil:
		status.Verdict = VerdictNever
	case status.Failures > 0:
		status.Verdict = VerdictFailing
	case status.Overdue():
		status.Verdict = VerdictStale
	default:
		status.Verdict = VerdictFresh
	}
	if status.Verdict.Well() {
		status.KnownBroken = time.Time{}
	}
	return status
}

// serve fills in the service level, to which a dump that was made by other means counts, too, and what is known of the newest dump.
func (p *ProjectStatus) serve(newest *bucket.Object, history History, now time.Time) {
	spans := slices.Clone(history.Fresh)
	if newest != nil {
		spans = cover(spans, Span{newest.Time, newest.Time.Add(p.MaxAge.Duration())})
		for _, run := range history.Runs {
			if run.State == Published && run.Key == newest.Key {
				p.Rows = run.Rows
			}
		}
	}
	if share, over, known := serviceLevel(spans, now); known && p.MaxAge > 0 {
		p.ServiceLevel, p.ServiceTime = &share, Seconds(over.Seconds())
	}
}

// lastRun fills in the result of the last refresh, and how many have failed since the last success, or since somebody
// published a dump by other means.
func (p *ProjectStatus) lastRun(newest *bucket.Object) {
	for _, run := range slices.Backward(p.Runs) {
		if run.State == NotRun {
			continue
		}
		if p.LastResult == "" {
			p.LastResult, p.LastRun = run.State, run.Started
		}
		if run.State != Failed || newest != nil && p.Checked.After(run.Started) {
			return
		}
		if p.Failures == 0 {
			p.Error, p.Hint = run.Error, run.Hint
		}
		p.Failures++
		p.FailingSince = run.Started
	}
}

// trends compares the last published dump with those before it.
func (p *ProjectStatus) trends() {
	var sizes, seconds []float64
	for _, run := range p.Runs {
		if run.State == Published {
			sizes, seconds = append(sizes, float64(run.ObjectBytes)), append(seconds, run.Seconds)
		}
	}
	if len(seconds) > 0 {
		p.Took = Seconds(seconds[len(seconds)-1])
	}
	p.SizeTrend, p.TookTrend = trend(sizes), trend(seconds)
}

// trend returns how far the last number is from the median of up to seven before it, as a fraction of that median; 0 if
// there are fewer than two.
func trend(numbers []float64) float64 {
	last := len(numbers) - 1
	if last < 2 {
		return 0
	}
	usual := median(numbers[max(0, last-7):last])
	if usual <= 0 {
		return 0
	}
	return numbers[last]/usual - 1
}
