package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// view is what the page shows, in the words and figures that it shows.
type view struct {
	Policy   string
	Style    template.CSS
	Script   template.JS
	Headline string
	AllFresh bool
	Made     moment
	Stored   string // size of all newest dumps together
	Held     string // size of all dumps together, and what they cost
	Groups   []group
	Rows     []row

	Abandoned []abandoned
}

// abandoned are dumps of a project that the fleet does not have.
type abandoned struct{ Name, Store, Holds, Newest string }

// group is the projects of one verdict: a filter, and a part of the bar on top, in percent of it.
type group struct {
	Verdict  fleet.Verdict
	Class    string
	Count    int
	At, Part float64
}

type moment struct{ Machine, Human string }

// row is one project. The numbers are what the page sorts by.
type row struct {
	Class        string
	Name, Slot   string
	Verdict      fleet.Verdict
	Rank         int
	Search       string
	Seconds      float64 // age; -1 where there is no dump
	Bytes        int64
	TookSeconds  float64
	Age, MaxAge  string
	Newest       moment
	Checked      moment // where staging was found unchanged since
	Bar          *bar
	Size, Took   string
	SizeTrend    string
	TookTrend    string
	Sizes, Times *sparkline
	Runs         []tick
	LastRun      moment
	Error, Hint  string
	Paused       string // why the fleet leaves it alone, or for how long its failures are known
	Holds        string // all its dumps, and what they cost
	Made         string // rows of the newest one, and who made it of which server
	Service      string // share of the last 30 days with a fresh dump
	Restored     string // the last check of a dump by restoring it
	Unrestored   bool   // that dump was wrong
	Failures     string
	Baked        string // the servers for which the newest dump is
	NotBaked     string // why it is not
}

// classes are the verdicts' names in the style sheet.
var classes = map[fleet.Verdict]string{
	fleet.VerdictBroken: "broken", fleet.VerdictUnreachable: "unreachable", fleet.VerdictNever: "never",
	fleet.VerdictFailing: "failing", fleet.VerdictStale: "stale", fleet.VerdictPaused: "paused", fleet.VerdictFresh: "fresh",
}

func newView(p Page) view {
	projects := p.Projects
	v := view{
		Policy: policy(),
		//nolint:gosec // the page's own, from page.css
		Style: template.CSS(style),
		//nolint:gosec // the page's own, from page.js
		Script: template.JS(script),
		Made:   at(p.Made),
	}
	count := map[fleet.Verdict]int{}
	var stored, held int64
	for _, project := range projects {
		count[project.Verdict]++
		stored, held = stored+project.ObjectBytes, held+project.HeldBytes
		v.Rows = append(v.Rows, newRow(project, p.Price))
	}
	for _, one := range p.Abandoned {
		held += one.Bytes
		v.Abandoned = append(v.Abandoned, abandoned{one.Project, one.Store, holds(one.Dumps, one.Bytes, p.Price), at(one.Newest).Human})
	}
	if held > 0 {
		v.Held = ui.Bytes(held)
		if cost := p.Price.Month(held); cost != "" {
			v.Held += ", " + cost + " a month"
		}
	}
	v.Stored = ui.Bytes(stored)
	v.Headline = headline(count[fleet.VerdictFresh], len(projects), count[fleet.VerdictPaused])
	v.AllFresh = count[fleet.VerdictFresh]+count[fleet.VerdictPaused] == len(projects)
	before := 0.0
	for _, verdict := range fleet.Verdicts {
		if n := count[verdict]; n > 0 {
			part := 100 * float64(n) / float64(len(projects))
			v.Groups = append(v.Groups, group{verdict, classes[verdict], n, rounded(before), rounded(part)})
			before += part
		}
	}
	return v
}

func headline(fresh, all, paused int) string {
	switch {
	case paused == 1:
		return headline(fresh, all-1, 0) + ", 1 is paused"
	case paused > 1:
		return headline(fresh, all-paused, 0) + fmt.Sprintf(", %d are paused", paused)
	case all == 0:
		return "There is no project"
	case fresh == all && all == 1:
		return "The project is fresh"
	case all == 1:
		return "The project is not fresh"
	case fresh == all:
		return fmt.Sprintf("All %d projects are fresh", all)
	case fresh == 1:
		return fmt.Sprintf("1 of %d projects is fresh", all)
	}
	return fmt.Sprintf("%d of %d projects are fresh", fresh, all)
}

func newRow(p fleet.ProjectStatus, price fleet.Price) row {
	r := row{
		Class: classes[p.Verdict], Name: p.Name, Slot: p.Slot, Verdict: p.Verdict, Rank: rank(p.Verdict),
		Search:  strings.ToLower(strings.Join([]string{p.Name, p.Slot, p.Store, string(p.Verdict), p.Error, p.Hint}, "\n")),
		Seconds: -1, Bytes: p.ObjectBytes, TookSeconds: float64(p.Took),
		SizeTrend: percent(p.SizeTrend), TookTrend: percent(p.TookTrend),
		Error: p.Error, Hint: p.Hint, Runs: ticks(p.Runs),
	}
	if p.Key != "" {
		r.Seconds = math.Round(float64(p.Age))
		r.Age, r.Size, r.Newest = age(p.Age.Duration()), ui.Bytes(p.ObjectBytes), at(p.SnapshotTime)
		if p.Checked.After(p.SnapshotTime) {
			r.Checked = at(p.Checked)
		}
	}
	if p.MaxAge > 0 {
		r.MaxAge = age(p.MaxAge.Duration())
		if p.Key != "" {
			r.Bar = newBar(float64(p.Age) / float64(p.MaxAge))
		}
	}
	if p.Took > 0 {
		r.Took = ui.Duration(p.Took.Duration())
	}
	if !p.LastRun.IsZero() {
		r.LastRun = at(p.LastRun)
	}
	r.Baked = strings.Join(p.Baked, ", ")
	r.Holds, r.Made, r.Service = holds(p.Dumps, p.HeldBytes, price), madeBy(p), service(p)
	if p.Pause != nil {
		r.Paused = p.Pause.String()
	} else if !p.KnownBroken.IsZero() {
		r.Paused = p.KnownUntil()
	}
	if p.Restored != nil {
		r.Restored, r.Unrestored = restored(p.Restored), p.Restored.Error != ""
	}
	if p.BakeError != "" {
		r.NotBaked = "not baked: " + p.BakeError
	}
	if p.Failures > 1 {
		r.Failures = fmt.Sprintf("%s failed in a row, the first on %s", ui.Count(int64(p.Failures), "run"), at(p.FailingSince).Human)
	}
	var sizes, times []float64
	for _, run := range p.Runs {
		if run.State == fleet.Published {
			sizes, times = append(sizes, float64(run.ObjectBytes)), append(times, run.Seconds)
		}
	}
	r.Sizes = newSparkline(sizes, func(size float64) string { return ui.Bytes(int64(size)) })
	r.Times = newSparkline(times, func(s float64) string { return ui.Duration(fleet.Seconds(s).Duration()) })
	return r
}

// holds is "14 dumps, 1.4 GB, 0.03 USD a month".
func holds(dumps int, bytes int64, price fleet.Price) string {
	if dumps == 0 {
		return ""
	}
	text := ui.Count(int64(dumps), "dump") + ", " + ui.Bytes(bytes)
	if cost := price.Month(bytes); cost != "" {
		text += ", " + cost + " a month"
	}
	return text
}

// madeBy is "123,456 rows, mariadb 10.11.6, by ada@laptop".
func madeBy(p fleet.ProjectStatus) string {
	var parts []string
	if p.Rows > 0 {
		parts = append(parts, ui.Count(p.Rows, "row"))
	}
	if p.Server != "" {
		parts = append(parts, p.Server)
	}
	if p.Publisher != "" {
		parts = append(parts, "by "+p.Publisher)
	}
	return strings.Join(parts, ", ")
}

// service is "99.8 % of 30 days". It never rounds to all of them.
func service(p fleet.ProjectStatus) string {
	if p.ServiceLevel == nil {
		return ""
	}
	share := math.Floor(*p.ServiceLevel*1000) / 10
	return fmt.Sprintf("fresh for %g %% of the last %s", share, ui.Duration(p.ServiceTime.Duration().Round(time.Hour)))
}

// restored says what came of the last check of a dump by restoring it.
func restored(r *fleet.Restored) string {
	if r.Error != "" {
		return "restored on " + at(r.Time).Human + ": " + r.Error
	}
	text := fmt.Sprintf("restored on %s into %s: %s, %s", at(r.Time).Human, r.Server, ui.Count(r.Tables, "table"), ui.Count(r.Rows, "row"))
	if r.Staging == "the same" {
		text += ", the same as on staging"
	}
	return text
}

func rank(verdict fleet.Verdict) int {
	for i, one := range fleet.Verdicts {
		if one == verdict {
			return i
		}
	}
	return len(fleet.Verdicts)
}

// age formats an age without seconds.
func age(d time.Duration) string {
	if d < time.Minute {
		return ui.Duration(d)
	}
	return ui.Duration(d.Round(time.Minute))
}

func at(t time.Time) moment {
	t = t.UTC()
	return moment{t.Format(time.RFC3339), t.Format("2 Jan 2006, 15:04 UTC")}
}

// percent returns a change such as +12 %, nothing for one of less than a percent.
func percent(change float64) string {
	whole := math.Round(100 * change)
	switch {
	case whole >= 1000:
		return fmt.Sprintf("× %.0f", 1+change)
	case whole > 0:
		return fmt.Sprintf("+%.0f %%", whole)
	case whole < 0:
		return fmt.Sprintf("−%.0f %%", -whole)
	}
	return ""
}
