package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// The tests run in a bubble: its clock jumps to the next moment at which something happens.

var (
	errPassing = errors.New("connection lost")
	errLasting = errors.New("access denied")
)

// observer is a Watcher that remembers.
type observer struct {
	mu             sync.Mutex
	running, most  int
	byHost, mostOf map[string]int
	events         []string
}

func (o *observer) say(format string, values ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, fmt.Sprintf(format, values...))
}

func (o *observer) move(host string, by int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running += by
	o.byHost[host] += by
	o.most, o.mostOf[host] = max(o.most, o.running), max(o.mostOf[host], o.byHost[host])
}

func (o *observer) Begin(p *Project, try int) Lane {
	o.say("begin %s %d", p.Name, try)
	o.move(p.Host, 1)
	return &lane{o, p}
}
func (o *observer) Retry(p *Project, err error, _ time.Duration) { o.say("retry %s %s", p.Name, err) }
func (o *observer) TakeOver(p *Project)                          { o.say("take over %s", p.Name) }
func (o *observer) End(r Result)                                 { o.say("end %s %s", r.Project, r.State) }
func (o *observer) Note(p *Project, line string)                 { o.say("note %s %s", p.Name, line) }
func (o *observer) Bake(p *Project) Lane {
	o.say("bake %s", p.Name)
	o.move(p.Host, 1)
	return &lane{o, p}
}
func (o *observer) Baked(p *Project, baking Baking) {
	o.say("baked %s %v %s", p.Name, baking.Series, baking.Error)
}

type lane struct {
	o *observer
	p *Project
}

func (l *lane) Phase(string, int64) {}
func (l *lane) Advance(int64)       {}
func (l *lane) Note(line string)    { l.o.Note(l.p, line) }
func (l *lane) Close()              { l.o.move(l.p.Host, -1) }

func newRunner(parallel, perHost int) (*Runner, *observer) {
	o := &observer{byHost: map[string]int{}, mostOf: map[string]int{}}
	return &Runner{
		Limits:  Limits{Parallel: parallel, PerHost: perHost},
		MayPass: func(err error) bool { return errors.Is(err, errPassing) },
		Hint:    func(err error) string { return "about " + err.Error() },
		Watcher: o,
		Bakes:   o,
	}, o
}

// due makes a project that is due.
func due(name, host string, expected time.Duration, refresh func(context.Context, Turn) (Outcome, error)) *Item {
	return &Item{Action: Refresh, Expected: expected, Project: &Project{
		Name: name, Slot: name, Host: host, Policy: Policy{MaxAge: time.Hour, TimeLimit: time.Hour}, Refresh: refresh,
	}}
}

// lasting makes a refresh that takes so long.
func lasting(d time.Duration) func(context.Context, Turn) (Outcome, error) {
	return func(ctx context.Context, _ Turn) (Outcome, error) {
		if err := clock.Sleep(ctx, d); err != nil {
			return Outcome{}, err
		}
		return Outcome{State: Published}, nil
	}
}

func states(results []Result) string {
	var list []string
	for _, r := range results {
		list = append(list, r.Project+" "+string(r.State))
	}
	return strings.Join(list, ", ")
}

// TestLongestFirst packs refreshes of known length: the run is hardly longer than the best one could be.
func TestLongestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		for range 20 {
			r, o := newRunner(4, 2)
			var items []*Item
			var sum, longest time.Duration
			ofHost := map[string]time.Duration{}
			for i := range 60 {
				d := time.Second + time.Duration(random.ExpFloat64()*float64(time.Minute))
				host := fmt.Sprint("host", random.IntN(4))
				items = append(items, due(fmt.Sprint("p", i), host, d, lasting(d)))
				sum, longest, ofHost[host] = sum+d, max(longest, d), ofHost[host]+d
			}
			bound := max(sum/4, longest)
			for _, d := range ofHost {
				bound = max(bound, d/2)
			}
			began := time.Now()
			results := r.Run(t.Context(), items)
			took := time.Since(began)
			if len(results) != 60 || took > bound*115/100 || o.most > 4 {
				t.Errorf("%d results in %s, at best %s; %d at once", len(results), took, bound, o.most)
			}
			for host, most := range o.mostOf {
				if most > 2 {
					t.Errorf("%d at once of %s", most, host)
				}
			}
		}
	})
}

func TestUnknownDurationsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := newRunner(1, 1)
		r.Run(t.Context(), []*Item{
			due("short", "", time.Second, lasting(time.Second)), due("unknown", "", 0, lasting(time.Second)),
			due("long", "", time.Minute, lasting(time.Second)),
		})
		var order []string
		for _, event := range o.events {
			if name, ok := strings.CutPrefix(event, "begin "); ok {
				order = append(order, name)
			}
		}
		if want := []string{"unknown 1", "long 1", "short 1"}; !slices.Equal(order, want) {
			t.Errorf("got %q", order)
		}
	})
}

// A staging server that lets few in, and has much to give, is read from the beginning: short refreshes that follow one another take longer than
// any long one.
func TestCrowdedServerComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRunner(2, 1)
		var items []*Item
		for i := range 4 {
			items = append(items, due(fmt.Sprint("alone", i), fmt.Sprint("host", i), 4*time.Minute, lasting(4*time.Minute)),
				due(fmt.Sprint("crowded", i), "crowded", 3*time.Minute, lasting(3*time.Minute)))
		}
		began := time.Now()
		r.Run(t.Context(), items)
		if took := time.Since(began); took > 15*time.Minute {
			t.Errorf("%s instead of 15 minutes", took)
		}
	})
}

// TestNoneHurtsAnother has one project of each kind that fails among those that do not.
func TestNoneHurtsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := newRunner(2, 2)
		tries := 0
		flaky := due("flaky", "", 0, func(context.Context, Turn) (Outcome, error) {
			if tries++; tries < 3 {
				return Outcome{}, errPassing
			}
			return Outcome{State: Published}, nil
		})
		flaky.Project.Retries = 2
		lost := due("lost", "", 0, func(context.Context, Turn) (Outcome, error) { return Outcome{}, errPassing })
		lost.Project.Retries = 1
		denied := due("denied", "", 0, func(context.Context, Turn) (Outcome, error) { return Outcome{}, errLasting })
		denied.Project.Retries = 5
		deaf := due("deaf", "", 0, func(context.Context, Turn) (Outcome, error) {
			time.Sleep(100 * time.Hour) // whatever the context says
			return Outcome{State: Published}, nil
		})
		broken := due("broken", "", 0, nil)
		broken.Action, broken.Project.Problem = Report, errors.New("DUMP_SOURCE is not set")
		fresh := due("fresh", "", 0, nil)
		fresh.Action = Skip
		began := time.Now()
		results := r.Run(t.Context(), []*Item{
			due("good", "", 0, lasting(time.Minute)), flaky, lost, denied, deaf,
			due("hanging", "", 0, func(ctx context.Context, _ Turn) (Outcome, error) {
				<-ctx.Done()
				return Outcome{}, fmt.Errorf("read rows: %w", ctx.Err())
			}),
			due("panicking", "", 0, func(context.Context, Turn) (Outcome, error) { panic("index out of range") }),
			broken, fresh, due("last", "", 0, lasting(time.Minute)),
		})
		want := "good published, flaky published, lost failed, denied failed, deaf failed, hanging failed, panicking failed, " +
			"broken failed, fresh fresh, last published"
		if got := states(results); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		for name, want := range map[string]string{
			"lost": "connection lost, 2 tries", "denied": "access denied, 1 tries",
			"deaf":    "the refresh took longer than its time limit of 1h0m0s, and it did not stop when canceled, 1 tries",
			"hanging": "the refresh took longer than its time limit of 1h0m0s, 1 tries", "panicking": "panic: index out of range, 1 tries",
			"broken": "DUMP_SOURCE is not set, 0 tries",
		} {
			at := slices.IndexFunc(results, func(r Result) bool { return r.Project == name })
			if got := fmt.Sprintf("%s, %d tries", results[at].Error, results[at].Tries); got != want {
				t.Errorf("%s: got %s", name, got)
			}
			if !strings.HasPrefix(results[at].Hint, "about ") {
				t.Errorf("%s: hint %q", name, results[at].Hint)
			}
		}
		if took := time.Since(began); took > 63*time.Minute {
			t.Errorf("took %s", took)
		}
		if at := slices.Index(o.events, "retry flaky connection lost"); at < 0 {
			t.Errorf("nobody was told of the retry: %q", o.events)
		}
		time.Sleep(200 * time.Hour) // until the deaf one has ended
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRunner(1, 1)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(90*time.Second, cancel)
		var cleaned time.Duration
		results := r.Run(ctx, []*Item{
			due("first", "", 3*time.Minute, lasting(time.Minute)),
			due("second", "", 2*time.Minute, func(ctx context.Context, _ Turn) (Outcome, error) {
				<-ctx.Done()
				time.Sleep(2 * time.Second) // aborts its upload
				cleaned = 2 * time.Second
				return Outcome{}, ctx.Err()
			}),
			due("third", "", time.Minute, lasting(time.Minute)),
		})
		if got := states(results); got != "first published, second not run, third not run" {
			t.Errorf("got %s", got)
		}
		if cleaned == 0 {
			t.Error("the run did not wait for the one that was running")
		}
	})
}

// TestSomebodyElsesRefreshIsWaitedForWithoutASlot has one slot, and a project that waits for a lease.
func TestSomebodyElsesRefreshIsWaitedForWithoutASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := newRunner(1, 1)
		began := time.Now()
		var resumed time.Duration
		waits := due("waits", "host", 0, func(ctx context.Context, turn Turn) (Outcome, error) {
			turn.Yield("ada@laptop")
			if err := clock.Sleep(ctx, 50*time.Minute); err != nil {
				return Outcome{}, err
			}
			if err := turn.Resume(ctx); err != nil {
				return Outcome{}, err
			}
			resumed = time.Since(began)
			return lasting(30*time.Minute)(ctx, turn)
		})
		results := r.Run(t.Context(), []*Item{
			waits, due("a", "host", time.Minute, lasting(40*time.Minute)), due("b", "host", time.Second, lasting(20*time.Minute)),
			due("c", "host", time.Second, lasting(20*time.Minute)),
		})
		if got := states(results); got != "waits published, a published, b published, c published" {
			t.Errorf("got %s", got)
		}
		// It runs before c, and its time limit starts again.
		if resumed != time.Hour {
			t.Errorf("went on after %s", resumed)
		}
		if took := time.Since(began); took != 110*time.Minute {
			t.Errorf("took %s: %q", took, o.events)
		}
	})
}
