package clock_test

import (
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

func TestNowIsTheServers(t *testing.T) {
	var c clock.Clock
	if _, known := c.Offset(); known {
		t.Error("an offset is known before any answer")
	}
	if off := time.Until(c.Now()); off.Abs() > time.Second {
		t.Errorf("without an answer the clock is off by %s", off)
	}
	if !c.Measure(time.Now().Add(3*time.Hour)) || c.Measure(time.Now().Add(3*time.Hour)) {
		t.Error("only the first measurement is the first")
	}
	if off := time.Until(c.Now()) - 3*time.Hour; off.Abs() > time.Second {
		t.Errorf("the clock is off by %s from the server's", off)
	}
}

func TestFuture(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at             time.Duration // after now
		future         bool
		age            time.Duration
		youngerThanDay bool
	}{
		{-48 * time.Hour, false, 48 * time.Hour, false},
		{-time.Hour, false, time.Hour, true},
		{0, false, 0, true},
		{30 * time.Second, false, 0, true},
		{clock.Tolerance, false, 0, true},
		{clock.Tolerance + time.Second, true, 0, false},
		{72 * time.Hour, true, 0, false},
		{100 * 365 * 24 * time.Hour, true, 0, false},
	} {
		at := now.Add(c.at)
		if got := clock.IsFuture(at, now); got != c.future {
			t.Errorf("%s: future %v", c.at, got)
		}
		if got := clock.Age(at, now); got != c.age {
			t.Errorf("%s: age %s", c.at, got)
		}
		if got := clock.Younger(at, now, 24*time.Hour); got != c.youngerThanDay {
			t.Errorf("%s: younger than a day %v", c.at, got)
		}
		if clock.Younger(at, now, 0) {
			t.Errorf("%s: younger than nothing", c.at)
		}
	}
}

func TestWithin(t *testing.T) {
	from := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	to := from.Add(10 * time.Second)
	for _, c := range []struct{ at, wrong time.Duration }{
		{0, 0}, {5 * time.Second, 0}, {-30 * time.Second, 0}, {50 * time.Second, 0},
		{3 * time.Hour, 3*time.Hour - 10*time.Second}, {-2 * time.Hour, -2 * time.Hour},
	} {
		right, wrong := clock.Within(from.Add(c.at), from, to)
		want := from.Add(c.at)
		if c.wrong != 0 {
			want = from
		}
		if !right.Equal(want) || wrong != c.wrong {
			t.Errorf("%s: %s, wrong by %s", c.at, right, wrong)
		}
	}
}
