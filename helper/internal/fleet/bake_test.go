package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// baked makes a project that is due and whose dump is then baked.
func baked(name string, bake func(context.Context, string, dump.Progress) ([]string, error)) *Item {
	item := due(name, "", time.Minute, func(context.Context, Turn) (Outcome, error) {
		return Outcome{State: Published, Key: name + ".sql.zst"}, nil
	})
	item.Project.Bakes, item.Project.Bake = []string{"mariadb-11.8"}, bake
	return item
}

// Dumps come first, and bakes one at a time when all of them are there. What goes wrong with one bake is its own, and no
// project is less fresh for it.
func TestBakesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := newRunner(4, 4)
		running := 0
		slow := func(ctx context.Context, _ string, _ dump.Progress) ([]string, error) {
			if running++; running > 1 {
				t.Error("two bakes at once")
			}
			defer func() { running-- }()
			return []string{"mariadb-11.8"}, clock.Sleep(ctx, time.Minute)
		}
		failing := baked("failing", func(context.Context, string, dump.Progress) ([]string, error) { return nil, errLasting })
		panics := baked("panics", func(context.Context, string, dump.Progress) ([]string, error) { panic("oh") })
		endless := baked("endless", func(ctx context.Context, _ string, _ dump.Progress) ([]string, error) {
			<-ctx.Done()
			return nil, errors.New("a consequence")
		})
		stale := baked("stale", slow)
		stale.Project.Refresh = func(context.Context, Turn) (Outcome, error) { return Outcome{}, errLasting }
		stale.Newest = &bucket.Object{Key: "old.sql.zst"}
		there := baked("there", slow)
		there.Action = Skip
		there.Newest = &bucket.Object{Key: "there.sql.zst", Baked: []bucket.Object{{Series: "mariadb-11.8"}}}
		missing := baked("missing", slow)
		missing.Action = Skip
		missing.Newest = &bucket.Object{Key: "missing.sql.zst", Baked: []bucket.Object{{Series: "mysql-8.4"}}}
		items := []*Item{
			baked("one", slow), failing, panics, endless, stale, there, missing, due("plain", "", time.Minute, lasting(time.Hour)),
		}
		results := r.Run(t.Context(), items)

		first := slices.IndexFunc(o.events, func(event string) bool { return strings.HasPrefix(event, "bake ") })
		want := []string{
			"bake one", "baked one [mariadb-11.8] ", "bake failing", "baked failing [] access denied", "bake panics", "baked panics [] panic: oh",
			"bake endless", "baked endless [] the bake took longer than its time limit of 1h0m0s", "bake missing", "baked missing [mariadb-11.8] ",
		}
		if first < 0 || !slices.Equal(o.events[first:], want) {
			t.Errorf("got %q\nwant, behind all others, %q", o.events, want)
		}
		for _, result := range results {
			wants := !slices.Contains([]string{"stale", "there", "plain"}, result.Project)
			if result.State.Good() != (result.Project != "stale") || (result.Bake != nil) != wants {
				t.Errorf("%s is %s, bake %+v", result.Project, result.State, result.Bake)
			}
		}
		if bake := results[1].Bake; bake.Dump != "failing.sql.zst" || bake.Error != "access denied" || bake.Hint != "about access denied" {
			t.Errorf("got %+v", bake)
		}
	})
}

// What was interrupted is not said to have failed, and no other bake begins.
func TestBakeInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRunner(1, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		waits := func(ctx context.Context, _ string, _ dump.Progress) ([]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		for _, result := range r.Run(ctx, []*Item{baked("one", waits), baked("two", waits)}) {
			if result.State != Published || result.Bake != nil {
				t.Errorf("%s is %s, bake %+v", result.Project, result.State, result.Bake)
			}
		}
	})
}

// A status says for which servers the newest dump is baked, and why it is not for others.
func TestBakedStatus(t *testing.T) {
	project := Project{Name: "shop", Bakes: []string{"mariadb-11.8", "mysql-8.4"}}
	dump := bucket.Object{Key: "new", Time: time.Now(), Baked: []bucket.Object{{Series: "mysql-8.4"}, {Series: "mysql-9.7"}}}
	history := History{Bake: &Baking{Dump: "new", Error: "no server", Hint: "get one"}}
	status := Judge(project, &dump, history, time.Now())
	if !slices.Equal(status.Baked, []string{"mysql-8.4"}) || status.BakeError != "no server" || status.BakeHint != "get one" || status.Verdict != VerdictFresh {
		t.Errorf("got %+v", status)
	}
	history.Bake.Dump = "old"
	if status := Judge(project, &dump, history, time.Now()); status.BakeError != "" {
		t.Errorf("the failure of another dump's bake is shown: %s", status.BakeError)
	}
}
