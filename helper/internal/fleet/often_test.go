package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// oftenPause is the pause between two runs, as deploy/systemd/often.conf has it.
const oftenPause = 30 * time.Second

// oftenDay is a day of a fleet of 60 projects on 6 staging servers.
type oftenDay struct {
	slower   float64 // how much longer a dump takes than 12 seconds on average
	changing float64 // the share of projects that change all the time; the others change once an hour
	random   *rand.Rand
	watched  *observer
	changed  map[string]time.Time
	dumped   map[string]time.Time
	failed   map[string]bool // the last try: with three failures in a row, once in some days, a project would fail

	oldest    time.Duration // the greatest age of any newest dump
	dumps     int           // made of staging
	questions int           // answered with "nothing has changed"
	reading   time.Duration // of all dumps together
	readers   int           // at once on one staging server, at most
}

// often refreshes with 8 refreshes at once, 2 on each server. A dump takes 12 seconds on average, some take a minute. One try in 50
// fails, and is tried again.
func often(t *testing.T, policy Policy, changing, slower float64) *oftenDay {
	day := &oftenDay{changing: changing, slower: slower, random: rand.New(rand.NewPCG(15, 60)), changed: map[string]time.Time{}, dumped: map[string]time.Time{}, failed: map[string]bool{}}
	synctest.Test(t, func(t *testing.T) {
		var runner *Runner
		runner, day.watched = newRunner(8, 2)
		items := make([]*Item, 60)
		for i := range items {
			items[i] = &Item{Project: day.project(i, policy)}
		}
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); time.Sleep(oftenPause) {
			day.run(t, runner, items)
		}
		for _, most := range day.watched.mostOf {
			day.readers = max(day.readers, most)
		}
	})
	return day
}

func (d *oftenDay) project(i int, policy Policy) *Project {
	name := fmt.Sprintf("p%02d", i)
	takes := time.Duration(d.slower * (3 + 9*d.random.ExpFloat64()) * float64(time.Second))
	always := float64(i) < d.changing*60
	project := &Project{Name: name, Slot: name, Host: fmt.Sprint("staging", i%6), Policy: policy}
	project.Refresh = func(ctx context.Context, _ Turn) (Outcome, error) {
		began := time.Now()
		fails, same := d.ask(name, began, always)
		switch {
		case fails:
			return Outcome{}, errPassing
		case same:
			return Outcome{State: Unchanged, Key: name}, clock.Sleep(ctx, 300*time.Millisecond)
		}
		return Outcome{State: Published, Key: name, SnapshotTime: began}, clock.Sleep(ctx, takes)
	}
	return project
}

func (d *oftenDay) ask(name string, now time.Time, always bool) (fails, same bool) {
	d.watched.mu.Lock()
	defer d.watched.mu.Unlock()
	if d.failed[name] = !d.failed[name] && d.random.IntN(50) == 0; d.failed[name] {
		return true, false
	}
	if now.Sub(d.changed[name]) > time.Hour {
		d.changed[name] = now
	}
	if same = !always && d.changed[name].Before(d.dumped[name]); !same {
		d.dumped[name] = now.Add(time.Nanosecond)
	}
	return false, same
}

// run is one run of the fleet, as `fleet refresh` makes it.
func (d *oftenDay) run(t *testing.T, runner *Runner, items []*Item) {
	bySlot := map[string]*Item{}
	for _, item := range items {
		bySlot[item.Project.Slot] = item
		item.Why = ""
		item.decide(time.Now(), Shard{})
	}
	expect(items)
	for _, r := range runner.Run(t.Context(), items) {
		if r.Tries == 0 {
			continue
		}
		if !r.State.Good() {
			t.Fatalf("%s: %s, %s", r.Project, r.State, r.Error)
		}
		item := bySlot[r.Slot]
		ended := r.Started.Add(time.Duration(r.Seconds * float64(time.Second)))
		if item.Newest != nil {
			d.oldest = max(d.oldest, ended.Sub(item.history.known(item.Newest, ended)))
		}
		if r.State == Published {
			item.Newest = &bucket.Object{Key: r.Key, Time: r.Started}
			d.dumps++
			d.reading += ended.Sub(r.Started)
		} else {
			d.questions++
		}
		item.history.MaxAge = item.Project.MaxAge.Seconds()
		item.history.Add(r.Run)
	}
}

// TestNoDumpOlderThan15Minutes is the recipe of docs/fleet.md, for a day. The figures are those of the document.
func TestNoDumpOlderThan15Minutes(t *testing.T) {
	recipe := Policy{MaxAge: 15 * time.Minute, RenewAfter: 8 * time.Minute, TimeLimit: 5 * time.Minute, Retries: 2}
	for _, test := range []struct {
		changing, slower float64
		dumps, questions float64       // per project and hour, at most
		reading          time.Duration // per staging server and hour, at most
	}{
		{1, 1, 7.5, 0, 15 * time.Minute},
		{0.1, 1, 2, 6, 3 * time.Minute},
		{1, 3, 7, 0, 40 * time.Minute},
	} {
		got := often(t, recipe, test.changing, test.slower)
		dumps, questions, reading := float64(got.dumps)/24/60, float64(got.questions)/24/60, got.reading/24/6
		t.Logf("%g change, %g × 12s: oldest %s; %.1f dumps and %.1f questions per project and hour; %s of reading per server and hour, %d readers",
			test.changing, test.slower, got.oldest, dumps, questions, reading, got.readers)
		if got.oldest >= 15*time.Minute {
			t.Errorf("a dump was %s old", got.oldest)
		}
		if dumps > test.dumps || questions > test.questions || reading > test.reading || got.readers > 2 {
			t.Errorf("that is more than docs/fleet.md says")
		}
	}
	// Renewed at three quarters of its age, a dump that takes long comes too late.
	recipe.RenewAfter = 0
	if got := often(t, recipe, 1, 3); got.oldest < 15*time.Minute {
		t.Errorf("without renew_after the oldest dump was %s old, so nobody needs it", got.oldest)
	}
}

func TestDue(t *testing.T) {
	for _, test := range []struct{ age, renew, want time.Duration }{
		{24 * time.Hour, 0, 18 * time.Hour}, {24 * time.Hour, time.Hour, time.Hour}, {time.Hour, 2 * time.Hour, 45 * time.Minute},
	} {
		if got := (Policy{MaxAge: test.age, RenewAfter: test.renew}).Due(); got != test.want {
			t.Errorf("%s, renewed after %s: %s", test.age, test.renew, got)
		}
	}
}
