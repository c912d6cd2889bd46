package fleet

import (
	"math"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// publishedAt is a run that published within ten minutes.
func publishedAt(at time.Time, state State) Run {
	return Run{Started: at, Seconds: 600, Outcome: Outcome{State: state, Key: "dump"}}
}

// The service level counts the time in which the newest dump was younger than max_age, over more runs than a history keeps.
func TestServiceLevel(t *testing.T) {
	now := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	history := History{MaxAge: (15 * time.Minute).Seconds()}
	// Every ten minutes for 40 days, but for twelve hours: 15 minutes after the last dump it is too old, and until the next one is there.
	gap := now.Add(-5 * 24 * time.Hour)
	for at := now.Add(-40 * 24 * time.Hour); at.Before(now); at = at.Add(10 * time.Minute) {
		state := Unchanged
		if at.After(gap) && at.Before(gap.Add(12*time.Hour)) {
			state = Failed
		}
		history.Add(publishedAt(at, state))
	}
	if len(history.Runs) != mostRuns || len(history.Fresh) != 2 {
		t.Errorf("%d runs, spans %v", len(history.Runs), history.Fresh)
	}
	status := Judge(Project{Policy: Policy{MaxAge: 15 * time.Minute}}, &bucket.Object{Key: "dump", Time: now.Add(-10 * time.Minute)}, history, now)
	late := 12*time.Hour - 15*time.Minute
	if want := 1 - float64(late)/float64(serviceTime); status.ServiceLevel == nil || math.Abs(*status.ServiceLevel-want) > 1e-9 || status.ServiceTime.Duration() != serviceTime {
		t.Errorf("%v over %s, want %v", status.ServiceLevel, status.ServiceTime.Duration(), want)
	}
}

func TestServiceLevelOfFewRuns(t *testing.T) {
	now := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for name, test := range map[string]struct {
		runs []Run
		dump time.Time
		want float64 // -1 is unknown
	}{
		"nothing":        {nil, time.Time{}, -1},
		"just published": {[]Run{publishedAt(now.Add(-30*time.Minute), Published)}, now.Add(-30 * time.Minute), -1},
		"a day of two":   {[]Run{publishedAt(now.Add(-2*day), Published)}, now.Add(-2 * day), (86400 - 600) / (2*86400.0 - 600)},
		// Somebody has published by other means meanwhile.
		"and another": {[]Run{publishedAt(now.Add(-2*day), Published)}, now.Add(-day / 2), (86400 - 600 + 43200) / (2*86400.0 - 600)},
		"too slow":    {[]Run{{Started: now.Add(-2 * day), Seconds: 2 * 86400, Outcome: Outcome{State: Published}}}, time.Time{}, -1},
	} {
		history := History{MaxAge: 86400}
		for _, run := range test.runs {
			history.Add(run)
		}
		var newest *bucket.Object
		if !test.dump.IsZero() {
			newest = &bucket.Object{Key: "dump", Time: test.dump}
		}
		got := -1.0
		if level := Judge(Project{Policy: Policy{MaxAge: day}}, newest, history, now).ServiceLevel; level != nil {
			got = *level
		}
		if math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A history of an earlier version has no spans: they follow from its runs.
func TestServiceLevelOfAnOlderHistory(t *testing.T) {
	now := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	history := History{MaxAge: 86400, Runs: []Run{publishedAt(now.Add(-50*time.Hour), Published), publishedAt(now.Add(-30*time.Hour), Unchanged)}}
	history.Add(publishedAt(now.Add(-10*time.Hour), Unchanged))
	if len(history.Fresh) != 1 || !history.Fresh[0].Until.Equal(now.Add(14*time.Hour)) {
		t.Errorf("%v", history.Fresh)
	}
}
