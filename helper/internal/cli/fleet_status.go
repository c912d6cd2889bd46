package cli

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet/metrics"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet/notify"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func fleetStatusCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:  "status",
		Usage: "show the state of every project's dumps, as the buckets know it",
		Flags: append(fleetFlags(),
			&cli.StringFlag{Name: "metrics-file", Usage: "write metrics for Prometheus to `FILE`, for node_exporter's textfile collector"},
			&cli.BoolFlag{Name: "notify", Usage: "send news to the webhook and request the heartbeats, as `fleet refresh` does"},
		),
		Action: func(c *cli.Context) error {
			out := fleetOutput(c)
			looked, err := lookAtFleet(c, out, version)
			if err != nil {
				return err
			}
			found := looked.found
			out.PrintPainted(paintVerdicts(statusTable(found), found, out.Painter()))
			out.Print("%s", statusProblems(found))
			if err := out.Result(statusResult{jsonVersion, time.Now().UTC(), found}); err != nil {
				return err
			}
			if err := looked.tell(c, out); err != nil {
				return err
			}
			return staleness(found)
		},
	})
}

// fleetLook is what was found of the projects of a fleet.
type fleetLook struct {
	config   fleet.Config
	projects []fleet.Project
	found    []fleet.ProjectStatus
}

// statusResult is the result of `fleet status`.
type statusResult struct {
	Version  int                   `json:"version"`
	Looked   time.Time             `json:"looked"`
	Projects []fleet.ProjectStatus `json:"projects"`
}

// jsonVersion is the version of all results in JSON. New fields do not change it.
const jsonVersion = 1

// lookAtFleet reads the status of the projects that the flags name.
func lookAtFleet(c *cli.Context, out *ui.Output, version string) (*fleetLook, error) {
	defer frugal()()
	config, projects, err := loadFleet(c, out, version)
	if err != nil {
		return nil, err
	}
	found, err := fleet.Look(c.Context, projects, hints(c.Context), out.Note)
	return &fleetLook{config, projects, found}, err
}

// loadFleet reads the projects that the flags name, --only among them.
func loadFleet(c *cli.Context, out *ui.Output, version string) (fleet.Config, []fleet.Project, error) {
	return loadFleetWith(c, out, version, func(*fleetLoader) {})
}

// loadFleetWith does the same after a change of the loader.
func loadFleetWith(c *cli.Context, out *ui.Output, version string, change func(*fleetLoader)) (config fleet.Config, projects []fleet.Project, err error) {
	if config, err = fleetConfig(c); err != nil {
		return config, nil, err
	}
	loader := fleetLoader{out: out, version: version, sessions: &bucket.Sessions{}, rate: bucket.NewRateLimit(config.LimitRate)}
	if loader.flags, err = assignments(c); err != nil {
		return config, nil, err
	}
	change(&loader)
	if projects, err = loader.load(c.Context, config); err != nil {
		return config, nil, err
	}
	projects, err = only(projects, c.StringSlice("only"))
	return config, projects, err
}

// tell tells monitoring and people what was found, as far as the flags ask for it. What fails there is a note, because it does not affect
// what was found.
func (f *fleetLook) tell(c *cli.Context, out *ui.Output) error {
	note := func(err error) {
		if err != nil {
			out.Note(err.Error())
		}
	}
	if c.Bool("notify") {
		contacts := notify.Config{Contacts: f.config.Contacts, Dir: f.config.Dir}
		if err := contacts.Check(); err != nil {
			return &fleet.ConfigError{File: f.config.File, Text: "webhook_template: " + err.Error()}
		}
		if contacts.Webhook != "" {
			fleet.Announce(c.Context, f.projects, f.found, contacts.Send, out.Note)
		}
		note(contacts.Beat(c.Context, staleness(f.found) == nil))
	}
	if file := c.String("metrics-file"); file != "" {
		var board metrics.Board
		board.Show(f.found...)
		board.ShowLook(time.Now())
		note(board.WriteFile(file))
	}
	return nil
}

// staleness returns an error if a project is not fresh, and that is not known.
func staleness(found []fleet.ProjectStatus) error {
	bad := 0
	for _, project := range found {
		if !project.Fine() {
			bad++
		}
	}
	if bad > 0 {
		return &staleError{bad, len(found)}
	}
	return nil
}

func countFresh(found []fleet.ProjectStatus) int { return count(found, fleet.VerdictFresh) }

func count(found []fleet.ProjectStatus, verdict fleet.Verdict) (n int) {
	for _, project := range found {
		if project.Verdict == verdict {
			n++
		}
	}
	return n
}

// verdictColours are the colours of verdicts on a terminal.
var verdictColours = map[fleet.Verdict]ui.Colour{
	fleet.VerdictBroken: ui.Magenta, fleet.VerdictUnreachable: ui.Magenta, fleet.VerdictNever: ui.Red,
	fleet.VerdictFailing: ui.Red, fleet.VerdictStale: ui.Yellow, fleet.VerdictPaused: ui.Cyan, fleet.VerdictFresh: ui.Green,
}

// statusTable is a table of the projects, the worst first.
func statusTable(found []fleet.ProjectStatus) string {
	names := statusLabels(found)
	head := []string{"VERDICT", "PROJECT", "AGE", "AT MOST", "SIZE", "", "TOOK", ""}
	bakes := slices.ContainsFunc(found, func(p fleet.ProjectStatus) bool { return len(p.Bakes) > 0 })
	if bakes {
		head = append(head, "BAKED FOR")
	}
	rows := [][]string{head}
	for _, p := range found {
		age, most, size, took := "-", "-", "-", "-"
		if p.Key != "" {
			age, size = ui.Duration(p.Age.Duration().Round(time.Second)), ui.Bytes(p.ObjectBytes)
		}
		if p.MaxAge > 0 {
			most = ui.Duration(p.MaxAge.Duration())
		}
		if p.Took > 0 {
			took = ui.Duration(p.Took.Duration())
		}
		row := []string{string(p.Verdict), names[p.Slot], age, most, size, change(p.SizeTrend), took, change(p.TookTrend)}
		if bakes {
			row = append(row, cmp.Or(strings.Join(p.Baked, ", "), "-"))
		}
		rows = append(rows, row)
	}
	return ui.Table(rows)
}

// paintVerdicts colours the first column of a statusTable.
func paintVerdicts(table string, found []fleet.ProjectStatus, paint func(string, ui.Colour) string) string {
	head, rest, _ := strings.Cut(table, "\n")
	painted := head + "\n"
	for _, p := range found {
		var row string
		row, rest, _ = strings.Cut(rest, "\n")
		painted += paint(string(p.Verdict), verdictColours[p.Verdict]) + strings.TrimPrefix(row, string(p.Verdict)) + "\n"
	}
	return painted + rest
}

// statusProblems tells what went wrong with the projects, and how many are fresh.
func statusProblems(found []fleet.ProjectStatus) string {
	names := statusLabels(found)
	var problems strings.Builder
	for _, p := range found {
		name := names[p.Slot]
		if p.Error != "" {
			writeProblem(&problems, "\n"+name, p.Error, p.Hint)
		}
		if p.Pause != nil {
			fmt.Fprintf(&problems, "\n%s: %s\n", name, p.Pause)
		}
		knownText(&problems, name, p.KnownUntil())
		notBakedText(&problems, name, p.BakeError, p.BakeHint)
	}
	paused := ""
	if n := count(found, fleet.VerdictPaused); n > 0 {
		paused = fmt.Sprintf(", %d paused", n)
	}
	return problems.String() + fmt.Sprintf("\n%d of %s fresh%s\n", countFresh(found), ui.Count(int64(len(found)), "project"), paused)
}

// change formats a trend in percent.
func change(trend float64) string {
	if whole := math.Round(100 * trend); whole != 0 {
		return fmt.Sprintf("%+.0f%%", whole)
	}
	return ""
}

func statusLabels(found []fleet.ProjectStatus) map[string]string {
	projects := make([]fleet.Project, len(found))
	for i, p := range found {
		projects[i] = fleet.Project{Name: p.Name, Slot: p.Slot}
	}
	return labels(projects)
}
