package fleet

import (
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// A check that a wrong clock dated in the future makes no dump fresh, neither in a status nor in a plan.
func TestCheckedInTheFuture(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	dump := bucket.Object{Key: "dump", Time: now.Add(-48 * time.Hour)}
	for _, c := range []struct {
		checked time.Time
		verdict Verdict
		action  Action
	}{
		{now.Add(-time.Hour), VerdictFresh, Skip},
		{now.Add(30 * time.Second), VerdictFresh, Skip},
		{now.Add(72 * time.Hour), VerdictStale, Refresh},
		{time.Time{}, VerdictStale, Refresh},
	} {
		history := History{Checked: c.checked, Runs: []Run{{Started: c.checked, Outcome: Outcome{State: Unchanged, Key: "dump"}}}}
		project := Project{Name: "shop", Policy: Policy{MaxAge: 24 * time.Hour}}
		if status := Judge(project, &dump, history, now); status.Verdict != c.verdict || status.Age < 0 {
			t.Errorf("checked at %s: %s, %s old", c.checked, status.Verdict, status.Age.Duration())
		}
		item := Item{Project: &project, Newest: &dump, history: history}
		if item.decide(now, Shard{}); item.Action != c.action {
			t.Errorf("checked at %s: %s, because it %s", c.checked, item.Action, item.Why)
		}
	}
}

// What a run of the fleet keeps of a history says the same of the next refresh.
func TestRecentHistory(t *testing.T) {
	var history History
	for i := range 60 {
		run := Run{Started: time.Unix(int64(i)*3600, 0), Seconds: float64(i)}
		if run.State = Unchanged; i%7 == 0 {
			run.State = Published
		}
		history.Add(run)
	}
	recent := history.recent()
	want, _ := history.Expected()
	got, _ := recent.Expected()
	if want != got || recent.last() != history.last() || recent.Checked != history.Checked || len(recent.Runs) != 18 {
		t.Errorf("%s and %s, %d runs", want, got, len(recent.Runs))
	}
	for i := 1; i < len(recent.Runs); i++ {
		if !recent.Runs[i].Started.After(recent.Runs[i-1].Started) {
			t.Error("the order has changed")
		}
	}
	if short := (History{Runs: history.Runs[:3]}).recent(); len(short.Runs) != 3 {
		t.Errorf("%d of 3 runs", len(short.Runs))
	}
}
