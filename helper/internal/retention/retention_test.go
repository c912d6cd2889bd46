package retention

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Rules{
		"0": {}, "7": {Last: 7},
		"hourly:24,daily:14,weekly:8,monthly:12": {Hourly: 24, Daily: 14, Weekly: 8, Monthly: 12},
		"last:3, yearly:2":                       {Last: 3, Yearly: 2},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "7.5", "daily", "daily:", "daily:0", "daily:-1", "daily:x", "daily:1,daily:2", "fortnightly:2", "daily:1,", "7,daily:2", ":3"} {
		_, err := Parse(text)
		want := fmt.Sprintf("must be a number of dumps, 0 or more, or tiers such as hourly:24,daily:14,weekly:8,monthly:12 (got %q)", text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestKept applies rules to a dump every six hours for two years.
func TestKept(t *testing.T) {
	now := time.Date(2026, 11, 30, 13, 0, 0, 0, time.UTC)
	var all []time.Time
	for at := now.Add(-time.Hour); now.Sub(at) < 2*365*24*time.Hour; at = at.Add(-6 * time.Hour) {
		all = append(all, at.In(time.FixedZone("", 7*3600))) // the zone does not matter
	}
	kept := func(rules Rules, snapshots []time.Time) string {
		var names []string
		for i, is := range rules.Kept(snapshots, now) {
			if is {
				names = append(names, snapshots[i].UTC().Format("06-01-02T15"))
			}
		}
		return strings.Join(names, " ")
	}
	for _, test := range []struct {
		rules Rules
		want  string
	}{
		{Rules{Last: 2}, "26-11-30T12 26-11-30T06"},
		{Rules{Days: 1}, "26-11-30T12 26-11-30T06 26-11-30T00 26-11-29T18"},
		{Rules{Hourly: 3}, "26-11-30T12 26-11-30T06 26-11-30T00"},
		{Rules{Daily: 3}, "26-11-30T12 26-11-29T18 26-11-28T18"},
		{Rules{Weekly: 3}, "26-11-30T12 26-11-29T18 26-11-22T18"}, // 30 November 2026 is a Monday
		{Rules{Monthly: 3}, "26-11-30T12 26-10-31T18 26-09-30T18"},
		{Rules{Yearly: 9}, "26-11-30T12 25-12-31T18 24-12-31T18"},
		{Rules{Last: 2, Daily: 2, Monthly: 2}, "26-11-30T12 26-11-30T06 26-11-29T18 26-10-31T18"},
	} {
		if got := kept(test.rules, all); got != test.want {
			t.Errorf("%+v\ngot  %s\nwant %s", test.rules, got, test.want)
		}
	}
	if got := strings.Fields(kept(Rules{}, all)); len(got) != len(all) {
		t.Errorf("without a rule, %d of %d are kept", len(got), len(all))
	}
	// A pause in publishing deletes nothing: days without a dump do not count.
	old := all[1000:]
	if got := kept(Rules{Daily: 2}, old); got != kept(Rules{Daily: 2}, old[:8]) || len(strings.Fields(got)) != 2 {
		t.Errorf("after a pause: %s", got)
	}
	if got := kept(Rules{Days: 1}, old); len(strings.Fields(got)) != 1 {
		t.Errorf("the newest one always stays: %s", got)
	}
	// What is kept stays kept as time goes on, until its tier is full: a month's last dump survives each day's run.
	rules := Rules{Daily: 7, Weekly: 4, Monthly: 12}
	var held []time.Time
	for at := now.AddDate(-2, 0, 0); at.Before(now); at = at.Add(6 * time.Hour) {
		held = append([]time.Time{at}, held...)
		var next []time.Time
		for i, is := range rules.Kept(held, at) {
			if is {
				next = append(next, held[i])
			}
		}
		held = next
	}
	if len(held) > rules.Most() || len(held) < 7+12 {
		t.Errorf("after two years of refreshes, %d dumps are kept", len(held))
	}
	if oldest := now.Sub(held[len(held)-1]); oldest < 330*24*time.Hour {
		t.Errorf("the oldest dump is only %s old", oldest)
	}
}
