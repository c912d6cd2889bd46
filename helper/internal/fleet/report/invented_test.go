package report

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// morning is when invented fleets are looked at.
var morning = time.Date(2026, 11, 26, 6, 45, 0, 0, time.UTC)

// invented is a fleet of 60 projects with their histories; most are well, and the others are each in their own way.
func invented() []fleet.ProjectStatus {
	random := rand.New(rand.NewPCG(6, 11))
	sites := []string{
		"academy", "alumni", "archive", "atlas", "bikeshare", "bookshop", "brewery", "campus", "catalogue", "choir",
		"cinema", "citymap", "clinic", "council", "courier", "dentist", "digest", "elections", "energy", "events",
		"extranet", "farmers", "ferry", "festival", "foundation", "gallery", "garden", "gazette", "harbour", "hospital",
		"hostel", "housing", "intranet", "jobs", "journal", "kindergarten", "laboratory", "library", "magazine", "market",
		"museum", "nursery", "observatory", "opera", "orchestra", "parking", "pharmacy", "planetarium", "press", "radio",
		"recipes", "shop", "sports", "studio", "theatre", "tickets", "tourism", "transport", "university", "weather",
	}
	var found []fleet.ProjectStatus
	for i, name := range sites {
		found = append(found, invent(random, i, name))
	}
	return fleet.WorstFirst(found)
}

func invent(random *rand.Rand, i int, name string) fleet.ProjectStatus {
	project := fleet.Project{
		Name: name, Slot: "/srv/sites/" + name, Store: "s3://company-dumps/" + name,
		Policy: fleet.Policy{MaxAge: 24 * time.Hour},
	}
	if i%9 == 4 {
		project.MaxAge = 7 * 24 * time.Hour
	}
	size := float64(2+random.IntN(12)) * float64(int(1)<<random.IntN(6)) * 1e6
	pace := 3e6 + 4e6*random.Float64() // bytes per second
	var history fleet.History
	var newest *bucket.Object
	runs := 20 + random.IntN(30)
	for run := range runs {
		started := morning.Add(-time.Duration(runs-1-run)*24*time.Hour - time.Duration(40+(i*67)%900+random.IntN(35))*time.Minute)
		size *= 1 + 0.012*random.NormFloat64() + 0.004
		outcome := fleet.Outcome{State: fleet.Published, ObjectBytes: int64(size), Key: name + started.Format("-20060102T150405Z-") + "4f1c2a.sql.zst"}
		entry := fleet.Run{Started: started, Seconds: size/pace*(1+0.09*random.NormFloat64()) + 1.5, Tries: 1, Outcome: outcome}
		if random.IntN(9) == 0 {
			entry.State, entry.ObjectBytes, entry.Seconds = fleet.Unchanged, 0, 0.4
		}
		left := runs - 1 - run
		trouble(name, left, &entry)
		if entry.State == fleet.Published {
			newest = &bucket.Object{Key: outcome.Key, Time: started.Add(2 * time.Second), Size: entry.ObjectBytes}
		} else if newest != nil && entry.State == fleet.Unchanged {
			entry.Key = newest.Key
		}
		history.Add(entry)
	}
	switch name {
	case "clinic":
		newest, history.Runs = nil, history.Runs[len(history.Runs)-3:]
	case "radio":
		// Nobody has refreshed it for three days.
		history.Runs = history.Runs[:len(history.Runs)-3]
		newest.Time = newest.Time.Add(-72 * time.Hour)
		history.Checked = newest.Time
	case "parking":
		newest.Time, history.Checked = newest.Time.Add(-25*time.Hour), time.Time{}
	}
	found := fleet.Judge(project, newest, history, morning)
	switch name {
	case "extranet":
		return fleet.ProjectStatus{
			Name: name, Slot: project.Slot, MaxAge: found.MaxAge, Verdict: fleet.VerdictBroken,
			Error: "/srv/sites/extranet/.ddev/config.yaml:14: DUMP_SORCE is not a setting", Hint: "write DUMP_SOURCE, or remove it",
		}
	case "hostel":
		return fleet.ProjectStatus{
			Name: name, Slot: project.Slot, Store: project.Store, MaxAge: found.MaxAge, Verdict: fleet.VerdictUnreachable,
			Error: "list s3://company-dumps/hostel/: access denied, s3:ListBucket is missing: Access Denied",
			Hint:  "ask for the permission s3:ListBucket on s3://company-dumps/hostel/",
		}
	}
	return found
}

// trouble lets the last runs of some projects fail.
func trouble(name string, left int, run *fleet.Run) {
	fail := func(text, hint string) {
		run.Outcome = fleet.Outcome{State: fleet.Failed}
		run.Seconds, run.Tries, run.Error, run.Hint = 12, 3, text, hint
	}
	switch {
	case name == "shop" && left < 4:
		fail("connect to staging db.staging.internal:3306: access denied for dump_reader", "check user and password in DUMP_SOURCE, and DUMP_SOURCE_PASSWORD")
	case name == "opera" && left < 1:
		fail("the dump has 41 tables, the one before had 188", "if that is right, publish it with --force")
	case name == "clinic":
		fail("connect to staging 10.20.0.14:5432: no answer within 30s", "check host and port in DUMP_SOURCE; if staging is behind a bastion, set DUMP_SSH")
	case left > 6 && left%17 == len(name)%17:
		fail("the connection was lost", "")
	}
}

// nasty holds what no page may take for its own.
func nasty() fleet.ProjectStatus {
	text := `</script><script>document.title="x"</script><img src=x onerror=alert(1)>"'` + "`${alert(1)}" + ` &amp; <b>`
	return fleet.ProjectStatus{
		Name: "a-nasty " + text, Slot: "https://evil.example.com/" + text, Store: "s3://x/" + text, Verdict: fleet.VerdictFailing,
		Key: text, SnapshotTime: morning, Checked: morning, Age: 100000, MaxAge: 86400, ObjectBytes: 1, Failures: 2, FailingSince: morning,
		Error: fmt.Sprintf("said %s", text), Hint: "javascript:alert(1) " + text,
	}
}
