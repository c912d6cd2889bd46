package cli

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func fleetPlanCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:  "plan",
		Usage: "show what `fleet refresh` would do, and why, without changing anything",
		Flags: append(append(fleetFlags(), shardFlags()...), onlyFlag()),
		Action: func(c *cli.Context) error {
			defer frugal()()
			out := fleetOutput(c)
			f, err := openFleet(c, out, version, nil)
			if err != nil {
				return err
			}
			return f.plan(out)
		},
	})
}

// openedFleet is a fleet with what is known about it.
type openedFleet struct {
	limits fleet.Limits
	shard  fleet.Shard
	items  []*fleet.Item
	labels map[string]string
	// contacts are told about the result of a run; file is the fleet.yaml that names them, dir its folder.
	contacts  fleet.Contacts
	file, dir string
	// watchInterval is how often staging is asked whether it has changed, while the fleet is watched.
	watchInterval time.Duration
}

// openFleet reads the fleet that the flags name, and surveys its buckets. A watch says which projects have changed.
func openFleet(c *cli.Context, out *ui.Output, version string, watch *watching) (*openedFleet, error) {
	config, err := fleetConfig(c)
	if err != nil {
		return nil, err
	}
	f := &openedFleet{contacts: config.Contacts, file: config.File, dir: config.Dir, watchInterval: config.WatchInterval}
	if f.shard, err = shard(c); err != nil {
		return nil, err
	}
	loader := fleetLoader{out: out, version: version, force: c.Bool("force"), watch: watch, sessions: &bucket.Sessions{}}
	if loader.flags, err = assignments(c); err != nil {
		return nil, err
	}
	if err := limitFlags(c, &config); err != nil {
		return nil, err
	}
	f.limits = config.Complete()
	loader.rate = bucket.NewRateLimit(config.LimitRate)
	projects, err := loader.load(c.Context, config)
	if err != nil {
		return nil, err
	}
	if projects, err = only(projects, c.StringSlice("only")); err != nil {
		return nil, err
	}
	if c.Bool("force") {
		for i := range projects {
			projects[i].Forced = true
		}
	}
	f.labels = labels(projects)
	f.items, err = fleet.Survey(c.Context, projects, f.shard, out.Note)
	return f, err
}

// planResult is the result of `fleet plan`.
type planResult struct {
	Version  int       `json:"version"`
	Projects []planned `json:"projects"`
	// Shard is I/N, empty if there is only one.
	Shard    string `json:"shard"`
	Parallel int    `json:"parallel"`
	PerHost  int    `json:"per_host"`
}

// frugal has the garbage collector keep less memory, until the function that it returns is called. What is known of thousands of projects
// takes memory, and reading it more.
func frugal() (restore func()) {
	before := debug.SetGCPercent(40)
	return func() { debug.SetGCPercent(before) }
}

// planned is a project as `fleet plan --json` shows it.
type planned struct {
	Project      string       `json:"project"`
	Slot         string       `json:"slot"`
	Store        string       `json:"store,omitempty"`
	Action       fleet.Action `json:"action"`
	Why          string       `json:"why"`
	Shard        int          `json:"shard,omitempty"`
	Host         string       `json:"host,omitempty"` // the staging server
	Key          string       `json:"key,omitempty"`
	SnapshotTime time.Time    `json:"snapshot_time,omitzero"`
	ObjectBytes  int64        `json:"object_bytes,omitempty"`
	Expected     float64      `json:"expected_seconds,omitempty"`
	// Refused is what the project's own files say, but only the operator decides. Allow is what would allow it.
	Refused []refusal `json:"refused,omitempty"`
	Allow   string    `json:"allow,omitempty"`
}

type refusal struct {
	Name   string `json:"name"`
	Origin string `json:"origin"`
	Text   string `json:"text"`
}

func (f *openedFleet) plan(out *ui.Output) error {
	rows := [][]string{{"PROJECT", "ACTION", "AGE", "SIZE", "TAKES", "WHY"}}
	list := make([]planned, len(f.items))
	counts := map[fleet.Action]int{}
	var refused strings.Builder
	for i, item := range f.items {
		counts[item.Action]++
		p := planned{
			Project: item.Project.Name, Slot: item.Project.Slot, Store: item.Project.Store,
			Action: item.Action, Why: item.Why, Shard: item.Shard, Host: item.Project.Host, Expected: item.Expected.Seconds(),
		}
		if e := (*refusedError)(nil); errors.As(item.Project.Problem, &e) {
			p.Allow = e.hint()
			fmt.Fprintf(&refused, "\n%s: refused:\n", f.labels[item.Project.Slot])
			for _, one := range e.refusals() {
				p.Refused = append(p.Refused, refusal{one.Name, one.Origin, one.Text})
				fmt.Fprintf(&refused, "  %s\n", one)
			}
			fmt.Fprintf(&refused, "  hint: %s\n", p.Allow)
		}
		age, size, takes := "-", "-", "-"
		if item.Newest != nil {
			p.Key, p.SnapshotTime, p.ObjectBytes = item.Newest.Key, item.Newest.Time, item.Newest.Size
			age, size = ui.Duration(clock.Age(item.Newest.Time, item.Now())), ui.Bytes(item.Newest.Size)
		}
		if item.Expected > 0 {
			takes = "about " + ui.Duration(item.Expected)
		}
		list[i] = p
		rows = append(rows, []string{f.labels[item.Project.Slot], string(item.Action), age, size, takes, oneLine(item.Why)})
	}
	out.Print("%s%s\n%d to refresh, up to %d at once, up to %d per staging server; %d fresh, %d cannot be refreshed",
		ui.Table(rows), refused.String(), counts[fleet.Refresh], f.limits.Parallel, f.limits.PerHost, counts[fleet.Skip], counts[fleet.Report])
	if counts[fleet.Hold] > 0 {
		out.Print(", %d paused", counts[fleet.Hold])
	}
	if f.shard.Count > 0 {
		out.Print(", %d in shards other than %s", counts[fleet.Leave], f.shard)
	}
	out.Print("\n")
	return out.Result(planResult{jsonVersion, list, f.shard.String(), f.limits.Parallel, f.limits.PerHost})
}
