package fleet

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// A paused project is neither refreshed nor reported until its pause ends.
func TestPause(t *testing.T) {
	now := time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC)
	dump := bucket.Object{Key: "dump", Time: now.Add(-48 * time.Hour)}
	history := History{
		Pause: &Pause{Until: now.Add(time.Hour), By: "ada@laptop", Reason: "moving"},
		Runs:  []Run{{Started: now.Add(-time.Hour), Outcome: Outcome{State: Failed}, Error: "access denied"}},
	}
	project := Project{Name: "shop", Policy: Policy{MaxAge: 24 * time.Hour}}
	item := Item{Project: &project, Newest: &dump, history: history}
	item.decide(now, Shard{})
	if want := "is paused until 2026-12-20 13:00 UTC by ada@laptop: moving"; item.Action != Hold || item.Why != want {
		t.Errorf("%s, because it %s", item.Action, item.Why)
	}
	status := Judge(project, &dump, history, now)
	if status.Verdict != VerdictPaused || !status.Verdict.Well() || status.Pause == nil {
		t.Errorf("%s, %v", status.Verdict, status.Pause)
	}
	told := Notified{Failing: now}
	if event, after := news(status, told); event.Event != "" || !after.equal(told) {
		t.Errorf("news of a paused project: %s, %v", event.Event, after)
	}

	project.Forced = true
	if item.decide(now, Shard{}); item.Action != Refresh {
		t.Errorf("asked for by name: %s", item.Action)
	}
	project.Forced = false
	later := now.Add(time.Hour)
	if item.decide(later, Shard{}); item.Action != Refresh {
		t.Errorf("after the pause: %s, because it %s", item.Action, item.Why)
	}
	if status := Judge(project, &dump, history, later); status.Verdict != VerdictFailing || status.Pause != nil {
		t.Errorf("after the pause: %s, %v", status.Verdict, status.Pause)
	}
}

func TestRunLeavesPausedProjectsAlone(t *testing.T) {
	runner, watched := newRunner(1, 1)
	item := due("shop", "host", 0, func(context.Context, Turn) (Outcome, error) {
		t.Error("refreshed")
		return Outcome{}, nil
	})
	item.Action = Hold
	item.Project.Bakes = []string{"mariadb-11.8"}
	item.Newest = &bucket.Object{Key: "dump"}
	if got := states(runner.Run(t.Context(), []*Item{item})); got != "shop paused" {
		t.Errorf("%s; %s", got, strings.Join(watched.events, "; "))
	}
}
