package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// company is some projects in a bucket on a real server.
type company struct {
	*testserver.S3
	t        *testing.T
	projects []fleet.Project
	told     []string // event and project
	notes    []string
	refuses  error // what telling ends with
}

func newCompany(t *testing.T, names ...string) *company {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	server, err := testserver.MinIO(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.CreateBucket("dumps"); err != nil {
		t.Fatal(err)
	}
	c := &company{S3: server, t: t}
	for _, name := range names {
		c.projects = append(c.projects, fleet.Project{
			Name: name, Slot: "/srv/" + name, Store: "s3://dumps/" + name, Policy: fleet.Policy{MaxAge: 24 * time.Hour},
			Open: func(ctx context.Context) (*bucket.Bucket, error) {
				return bucket.Open(ctx, bucket.Config{
					Bucket: "dumps", Prefix: name, Project: name, Endpoint: server.Endpoint, PathStyle: true, Region: server.Region,
					Environment: map[string]string{"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey},
				})
			},
		})
	}
	return c
}

// dump puts a dump of some hours ago into a project's folder.
func (c *company) dump(name string, hours float64) {
	c.t.Helper()
	at := time.Now().UTC().Add(-time.Duration(hours * float64(time.Hour)))
	key := fmt.Sprintf("%s/%s-%s-4f1c2a.sql.zst", name, name, at.Format("20060102T150405Z"))
	if err := c.PutObject("dumps", key, []byte("dump")); err != nil {
		c.t.Fatal(err)
	}
}

// tried writes what came of a try into a project's history.
func (c *company) tried(name string, state fleet.State, reason string) {
	c.t.Helper()
	key := name + "/.dump-refresh/" + name + ".history.json"
	var history fleet.History
	if text, err := c.GetObject("dumps", key); err == nil {
		if err := json.Unmarshal(text, &history); err != nil {
			c.t.Fatal(err)
		}
	}
	history.Version, history.Project = 1, name
	history.Add(fleet.Run{Started: time.Now(), Tries: 1, Outcome: fleet.Outcome{State: state}, Error: reason})
	text, _ := json.Marshal(history)
	if err := c.PutObject("dumps", key, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) look() []fleet.ProjectStatus {
	c.t.Helper()
	found, err := fleet.Look(c.t.Context(), c.projects, func(error) string { return "a hint" }, func(string) {})
	if err != nil {
		c.t.Fatal(err)
	}
	return found
}

// announce returns the notifications that are sent.
func (c *company) announce() []string {
	c.t.Helper()
	c.told, c.notes = nil, nil
	fleet.Announce(c.t.Context(), c.projects, c.look(), func(_ context.Context, news []fleet.News) error {
		for _, one := range news {
			c.told = append(c.told, string(one.Event)+" "+one.Project.Name)
		}
		slices.Sort(c.told)
		return c.refuses
	}, func(line string) { c.notes = append(c.notes, line) })
	return c.told
}

func (c *company) wantTold(when string, want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.announce()); diff != "" {
		c.t.Errorf("%s, people are told:\n%s", when, diff)
	}
}

func TestLook(t *testing.T) {
	c := newCompany(t, "archive", "opera", "radio", "shop", "lost")
	c.dump("archive", 2)
	c.dump("opera", 3)
	c.tried("opera", fleet.Failed, "access denied")
	c.dump("radio", 30)
	for name, key := range map[string]string{"shop": "shop/notes.txt", "lost": "lost/x.txt"} {
		if err := c.PutObject("dumps", key, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	c.projects[4].Open = func(context.Context) (*bucket.Bucket, error) { return nil, errors.New("no such bucket") }
	c.projects = append(c.projects, fleet.Project{Name: "wrong", Slot: "/srv/wrong", Problem: errors.New("DUMP_SORCE is not a setting")})
	var got []string
	for _, p := range c.look() {
		got = append(got, strings.TrimRight(fmt.Sprintf("%s %s %s %s", p.Verdict, p.Name, p.Error, p.Hint), " "))
	}
	if diff := cmp.Diff([]string{
		"broken settings wrong DUMP_SORCE is not a setting a hint", "unreachable lost no such bucket a hint", "never shop",
		"failing opera access denied", "stale radio", "fresh archive",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestEachThingIsToldOnce(t *testing.T) {
	c := newCompany(t, "archive", "shop")
	c.dump("archive", 1)
	c.dump("shop", 1)
	c.wantTold("at the beginning")
	c.tried("shop", fleet.Failed, "access denied")
	c.wantTold("when it fails", "failing shop")
	c.tried("shop", fleet.Failed, "no such database")
	c.wantTold("when it fails again")
	c.tried("shop", fleet.Published, "")
	c.wantTold("when it works again", "recovered shop")
	c.wantTold("and later")
	c.tried("shop", fleet.Failed, "access denied")
	c.wantTold("when it fails once more", "failing shop")

	// That it fails and that its dump gets too old are two things.
	c.projects[0].MaxAge, c.projects[1].MaxAge = 30*time.Minute, time.Millisecond
	time.Sleep(1100 * time.Millisecond) // the bucket's clock tells whole seconds
	c.wantTold("when dumps get too old", "stale archive", "stale shop")
	c.wantTold("and stay it")
	c.dump("archive", 0)
	c.wantTold("when one is fresh", "recovered archive")
}

// notified changes what people have been told about a project, as if that were some hours ago.
func (c *company) notified(name string, hours float64) {
	c.t.Helper()
	key := name + "/.dump-refresh/" + name + ".history.json"
	text, err := c.GetObject("dumps", key)
	var history fleet.History
	if err == nil {
		err = json.Unmarshal(text, &history)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	for _, at := range []*time.Time{&history.Notified.Failing, &history.Notified.Stale, &history.Notified.Last} {
		if !at.IsZero() {
			*at = at.Add(-time.Duration(hours * float64(time.Hour)))
		}
	}
	text, _ = json.Marshal(history)
	if err := c.PutObject("dumps", key, text); err != nil {
		c.t.Fatal(err)
	}
}

// What stays wrong is told again about once a day, until it recovers.
func TestWhatStaysWrongIsToldAgain(t *testing.T) {
	c := newCompany(t, "archive", "shop")
	c.dump("archive", 30)
	c.dump("shop", 1)
	for i := range c.projects {
		c.projects[i].Remind = 24 * time.Hour
	}
	c.tried("shop", fleet.Failed, "access denied")
	c.projects = append(c.projects, fleet.Project{Name: "wrong", Slot: "/srv/wrong", Problem: errors.New("no bucket"), Policy: fleet.Policy{Remind: time.Second}})
	c.wantTold("at first", "failing shop", "failing wrong", "stale archive")
	c.projects[2].Remind = time.Hour
	c.wantTold("at once")
	c.notified("shop", 22)
	c.wantTold("after 22 hours")
	c.notified("shop", 1.5)
	c.notified("archive", 23.5)
	c.wantTold("after 23.5 hours", "failing shop", "stale archive")
	c.wantTold("and later")
	c.notified("shop", 23.5)
	c.wantTold("on the third day", "failing shop")
	c.tried("shop", fleet.Published, "")
	c.wantTold("when it works again", "recovered shop")
	c.projects[2].Remind = time.Nanosecond
	c.wantTold("of what has no history", "failing wrong")
}

// Nobody is told what is known, until the date.
func TestWhatIsKnownIsNotTold(t *testing.T) {
	c := newCompany(t, "archive", "shop")
	c.dump("archive", 30)
	c.dump("shop", 1)
	c.tried("shop", fleet.Failed, "access denied")
	c.projects = append(c.projects, fleet.Project{Name: "wrong", Slot: "/srv/wrong", Problem: errors.New("no bucket")})
	for i := range c.projects {
		c.projects[i].KnownBroken = time.Now().Add(time.Hour)
	}
	c.wantTold("while it is known")
	for _, p := range c.look() {
		if !p.Fine() || p.Verdict == fleet.VerdictFresh {
			t.Errorf("%s is %s", p.Name, p.Verdict)
		}
	}
	for i := range c.projects {
		c.projects[i].KnownBroken = time.Now().Add(-time.Second)
	}
	c.wantTold("when the time has passed", "failing shop", "failing wrong", "stale archive")
	if found := c.look()[0]; found.Fine() || !found.KnownBroken.IsZero() {
		t.Errorf("%+v", found)
	}
}

func TestWhatCouldNotBeToldIsToldNextTime(t *testing.T) {
	c := newCompany(t, "archive", "shop")
	c.dump("archive", 1)
	c.dump("shop", 30)
	c.projects = append(c.projects, fleet.Project{Name: "wrong", Slot: "/srv/wrong", Problem: errors.New("no bucket")})
	c.refuses = errors.New("the server answered 500")
	c.wantTold("while nobody can be told", "failing wrong", "stale shop")
	if diff := cmp.Diff([]string{"the server answered 500"}, c.notes); diff != "" {
		t.Error(diff)
	}
	c.refuses = nil
	c.wantTold("when they can", "failing wrong", "stale shop")
	c.wantTold("and later")
}

// An earlier version of this program called the notification state "told".
func TestReadsTheFormerNameOfTheNotificationState(t *testing.T) {
	c := newCompany(t, "shop")
	c.dump("shop", 30)
	history := `{"version": 1, "project": "shop", "runs": [], "told": {"stale": "2026-11-26T06:45:00Z"}}`
	if err := c.PutObject("dumps", "shop/.dump-refresh/shop.history.json", []byte(history)); err != nil {
		t.Fatal(err)
	}
	c.wantTold("when an earlier version has told it")
	c.dump("shop", 0)
	c.wantTold("when it is fresh again", "recovered shop")
	c.wantTold("and later")
}

// A project with broken settings has no bucket that could keep its state, and neither has one whose bucket cannot be
// reached.
func TestWhatHasNoHistoryIsToldOnce(t *testing.T) {
	c := newCompany(t, "archive", "shop")
	c.dump("archive", 1)
	c.dump("shop", 1)
	well := slices.Clone(c.projects)
	c.projects[1].Problem = errors.New("DUMP_SORCE is not a setting")
	c.wantTold("when settings are broken", "failing shop")
	c.wantTold("and stay it")
	c.projects[1] = well[1]
	c.projects[1].Open = func(context.Context) (*bucket.Bucket, error) { return nil, errors.New("access denied") }
	c.wantTold("when they are not, but the bucket is")
	c.projects = well
	c.wantTold("when all is well", "recovered shop")
	c.wantTold("and later")
}

func TestOfSeveralMachinesOneTells(t *testing.T) {
	c := newCompany(t, "archive", "shop")
	c.dump("archive", 1)
	c.dump("shop", 30)
	c.projects = append(c.projects, fleet.Project{Name: "wrong", Slot: "/srv/wrong", Problem: errors.New("no bucket")})
	found := c.look()
	var mutex sync.Mutex
	var told []string
	var machines sync.WaitGroup
	for range 4 {
		machines.Go(func() {
			fleet.Announce(t.Context(), c.projects, found, func(_ context.Context, news []fleet.News) error {
				mutex.Lock()
				defer mutex.Unlock()
				for _, one := range news {
					told = append(told, string(one.Event)+" "+one.Project.Name)
				}
				return nil
			}, func(line string) { t.Error(line) })
		})
	}
	machines.Wait()
	slices.Sort(told)
	if diff := cmp.Diff([]string{"failing wrong", "stale shop"}, told); diff != "" {
		t.Error(diff)
	}
}

// Nobody pauses, or goes on with, the project of another database whose dumps are in the same place.
func TestPauseOfAnotherProject(t *testing.T) {
	c := newCompany(t, "shop")
	const key = "shop/.dump-refresh/shop.history.json"
	if err := c.PutObject("dumps", key, []byte(`{"project":"shop","source":"ab-of another database","pause":{"until":"2999-01-01T00:00:00Z"}}`)); err != nil {
		t.Fatal(err)
	}
	before, err := c.GetObject("dumps", key)
	if err != nil {
		t.Fatal(err)
	}
	c.projects[0].Source = "staging:3306/shop"
	for _, pause := range []*fleet.Pause{nil, {Until: time.Now().Add(time.Hour)}} {
		if _, err := fleet.SetPause(t.Context(), c.projects[0], pause); !errors.Is(err, fleet.ErrOtherSource) {
			t.Errorf("error %v", err)
		}
		if after, err := c.GetObject("dumps", key); err != nil || string(after) != string(before) {
			t.Errorf("%s, %v", after, err)
		}
	}
}
