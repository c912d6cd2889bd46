package fleet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

var now = time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC)

func hoursAgo(hours float64) time.Time {
	return now.Add(-time.Duration(hours * float64(time.Hour)))
}

// run is a run of a history, and key the dump that it is about.
func run(hours float64, state fleet.State, key string, size int64) fleet.Run {
	entry := fleet.Run{Started: hoursAgo(hours), Seconds: float64(size) / 10, Tries: 1}
	entry.State, entry.Key, entry.ObjectBytes = state, key, size
	if state == fleet.Failed {
		entry.Error, entry.Hint = "access denied", "check the password"
	}
	return entry
}

func TestJudge(t *testing.T) {
	shop := fleet.Project{Name: "shop", Slot: "/srv/shop", Policy: fleet.Policy{MaxAge: 24 * time.Hour, KnownBroken: time.Now().Add(time.Hour)}}
	for name, test := range map[string]struct {
		dump    float64 // hours ago, 0 is none
		runs    []fleet.Run
		verdict fleet.Verdict
		age     float64 // in hours
		failed  int
	}{
		"nothing is known":             {verdict: fleet.VerdictNever},
		"no dump, and runs that fail":  {runs: []fleet.Run{run(1, fleet.Failed, "", 0)}, verdict: fleet.VerdictNever, failed: 1},
		"a dump by other means":        {dump: 2, verdict: fleet.VerdictFresh, age: 2},
		"an old dump by other means":   {dump: 30, verdict: fleet.VerdictStale, age: 30},
		"published":                    {dump: 2, runs: []fleet.Run{run(2.1, fleet.Published, "a", 100)}, verdict: fleet.VerdictFresh, age: 2},
		"unchanged since":              {dump: 30, runs: []fleet.Run{run(30, fleet.Published, "a", 100), run(3, fleet.Unchanged, "a", 0)}, verdict: fleet.VerdictFresh, age: 3},
		"unchanged, but deleted since": {dump: 50, runs: []fleet.Run{run(30, fleet.Published, "b", 100), run(3, fleet.Unchanged, "b", 0)}, verdict: fleet.VerdictStale, age: 50},
		"failing, and young enough":    {dump: 20, runs: []fleet.Run{run(20, fleet.Published, "a", 100), run(2, fleet.Failed, "", 0)}, verdict: fleet.VerdictFailing, age: 20, failed: 1},
		"failing for days": {dump: 50, runs: []fleet.Run{run(99, fleet.Failed, "", 0), run(50, fleet.Published, "a", 100), run(26, fleet.Failed, "", 0),
			run(2, fleet.Failed, "", 0)}, verdict: fleet.VerdictFailing, age: 50, failed: 2},
		"failed, and then somebody published": {dump: 1, runs: []fleet.Run{run(26, fleet.Failed, "", 0), run(2, fleet.Failed, "", 0)}, verdict: fleet.VerdictFresh, age: 1},
		"failed, and then was interrupted":    {dump: 20, runs: []fleet.Run{run(2, fleet.Failed, "", 0), run(1, fleet.NotRun, "", 0)}, verdict: fleet.VerdictFailing, age: 20, failed: 1},
		"a clock that is behind":              {dump: -1, verdict: fleet.VerdictFresh},
	} {
		var newest *bucket.Object
		if test.dump != 0 {
			newest = &bucket.Object{Key: "a", Time: hoursAgo(test.dump), Size: 100}
		}
		var history fleet.History
		for _, entry := range test.runs {
			history.Add(entry)
		}
		got := fleet.Judge(shop, newest, history, now)
		if got.Verdict != test.verdict || got.Age.Duration().Hours() != test.age || got.Failures != test.failed {
			t.Errorf("%s: %s, %.1f hours old, %d failures", name, got.Verdict, got.Age.Duration().Hours(), got.Failures)
		}
		if got.KnownBroken.IsZero() != got.Verdict.Well() { // of a project that is well, nothing is known
			t.Errorf("%s: known to be broken until %s", name, got.KnownBroken)
		}
		if (got.Error == "access denied" && got.Hint == "check the password") != (test.failed > 0) {
			t.Errorf("%s: error %q, hint %q", name, got.Error, got.Hint)
		}
	}
}

func TestTrends(t *testing.T) {
	var history fleet.History
	for i, size := range []int64{500, 100, 110, 90, 100, 100, 100, 100, 150} {
		history.Add(run(float64(20-i), fleet.Published, "a", size))
		history.Add(run(float64(20-i)-0.5, fleet.Unchanged, "a", 0)) // has no size, and is no part of a trend
	}
	got := fleet.Judge(fleet.Project{}, &bucket.Object{Key: "a", Time: now, Size: 150}, history, now)
	if got.SizeTrend != 0.5 || got.TookTrend != 0.5 || got.Took != 15 {
		t.Errorf("size %+.2f, duration %+.2f, took %v", got.SizeTrend, got.TookTrend, got.Took)
	}
	history.Runs = history.Runs[len(history.Runs)-4:] // two that published
	if got := fleet.Judge(fleet.Project{}, nil, history, now); got.SizeTrend != 0 {
		t.Errorf("a trend of two: %+.2f", got.SizeTrend)
	}
}

func TestWorstFirst(t *testing.T) {
	var order []string
	for _, p := range fleet.WorstFirst([]fleet.ProjectStatus{
		{Name: "fresh", Verdict: fleet.VerdictFresh, Age: 10, MaxAge: 100},
		{Name: "nearly stale", Verdict: fleet.VerdictFresh, Age: 9, MaxAge: 10},
		{Name: "stale", Verdict: fleet.VerdictStale, Age: 11, MaxAge: 10},
		{Name: "failing", Verdict: fleet.VerdictFailing},
		{Name: "never b", Verdict: fleet.VerdictNever},
		{Name: "never a", Verdict: fleet.VerdictNever},
		{Name: "unreachable", Verdict: fleet.VerdictUnreachable},
		{Name: "broken", Verdict: fleet.VerdictBroken, Error: errors.New("x").Error()},
	}) {
		order = append(order, p.Name)
	}
	if diff := cmp.Diff([]string{"broken", "unreachable", "never a", "never b", "failing", "stale", "nearly stale", "fresh"}, order); diff != "" {
		t.Error(diff)
	}
}
