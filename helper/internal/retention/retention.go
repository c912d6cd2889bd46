// Package retention decides which of a project's dumps are kept.
package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// Rules say which dumps are kept. A dump stays if any rule keeps it; a number of 0 is no rule. Without a rule all dumps stay.
type Rules struct {
	// Last is how many of the newest dumps are kept.
	Last int
	// Hourly, Daily, Weekly, Monthly and Yearly are for how many hours, days, … the newest dump of each is kept. Those without a dump do not
	// count, so a pause in publishing deletes nothing. Days begin at midnight UTC, weeks on Monday (ISO 8601).
	Hourly, Daily, Weekly, Monthly, Yearly int
	// Days is for how many days every dump is kept.
	Days int
}

// tier is a rule that keeps one dump for each period.
type tier struct {
	name   string
	count  func(*Rules) *int
	period func(time.Time) string
}

var tiers = []tier{
	{"hourly", func(r *Rules) *int { return &r.Hourly }, func(t time.Time) string { return t.Format("2006-01-02 15") }},
	{"daily", func(r *Rules) *int { return &r.Daily }, func(t time.Time) string { return t.Format("2006-01-02") }},
	{"weekly", func(r *Rules) *int { return &r.Weekly }, func(t time.Time) string {
		year, week := t.ISOWeek()
		return fmt.Sprint(year, " ", week)
	}},
	{"monthly", func(r *Rules) *int { return &r.Monthly }, func(t time.Time) string { return t.Format("2006-01") }},
	{"yearly", func(r *Rules) *int { return &r.Yearly }, func(t time.Time) string { return t.Format("2006") }},
}

// Parse reads a number of dumps, such as 7, or tiers, such as "last:3,hourly:24,daily:14,weekly:8,monthly:12,yearly:2". It does not set
// Days.
func Parse(text string) (Rules, error) {
	var rules Rules
	wrong := fmt.Errorf("must be a number of dumps, 0 or more, or tiers such as hourly:24,daily:14,weekly:8,monthly:12 (got %q)", text)
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 {
			return Rules{}, wrong
		}
		return Rules{Last: n}, nil
	}
	set := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		name, number, found := strings.Cut(strings.TrimSpace(part), ":")
		field := rules.field(name)
		n, err := strconv.Atoi(number)
		if !found || field == nil || set[name] || err != nil || n < 1 {
			return Rules{}, wrong
		}
		*field, set[name] = n, true
	}
	return rules, nil
}

func (r *Rules) field(name string) *int {
	if name == "last" {
		return &r.Last
	}
	for _, tier := range tiers {
		if tier.name == name {
			return tier.count(r)
		}
	}
	return nil
}

// Most is how many dumps the rules keep at most, apart from Days.
func (r Rules) Most() int {
	most := r.Last
	for _, tier := range tiers {
		most += *tier.count(&r)
	}
	return most
}

// Kept says of each dump whether it is kept, by the times of their snapshots, newest first. The newest one always is.
func (r Rules) Kept(snapshots []time.Time, now time.Time) []bool {
	kept := make([]bool, len(snapshots))
	for i, at := range snapshots {
		young := r.Days > 0 && clock.Age(at, now) <= time.Duration(r.Days)*24*time.Hour
		kept[i] = i == 0 || r == (Rules{}) || i < r.Last || young
	}
	for _, tier := range tiers {
		left, last := *tier.count(&r), ""
		for i, at := range snapshots {
			period := tier.period(at.UTC())
			if left == 0 {
				break
			}
			if period != last {
				kept[i], last = true, period
				left--
			}
		}
	}
	return kept
}
