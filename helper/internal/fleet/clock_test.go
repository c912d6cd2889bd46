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
