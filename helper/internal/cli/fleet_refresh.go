package cli

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
	"github.com/jobiqo/dump-refresh/helper/internal/units"
)

func fleetRefreshCommand(version string) *cli.Command {
	flags := append(fleetFlags(), shardFlags()...)
	return complete(cli.Command{
		Name:  "refresh",
		Usage: "publish a fresh dump of every project that is due",
		Flags: append(append(flags, metricsFlags()...),
			onlyFlag(),
			&cli.BoolFlag{Name: "force", Usage: "with --only: refresh them even if they are fresh, or have far fewer rows or come from another database than their last dumps"},
			&cli.BoolFlag{Name: "share-hosts", Usage: "keep to per_host together with all other processes that have this flag, as shards do"},
			&cli.StringFlag{Name: "parallel", Usage: "refresh at most `N` projects at once", DefaultText: "by processors and memory"},
			&cli.StringFlag{Name: "limit-rate", Usage: "send and fetch at most `RATE` bytes per second for all projects together, such as 500k or 10M"},
		),
		Action: func(c *cli.Context) error {
			return runFleet(c, fleetOutput(c), version)
		},
	})
}

// limitFlags parses the flags that override fleet.yaml.
func limitFlags(c *cli.Context, config *fleet.Config) error {
	parallel, err := number(c.String("parallel"), mostParallel)
	if err != nil {
		return &usage{fmt.Sprintf("--parallel %s: a number from 1 to %d is expected", c.String("parallel"), mostParallel)}
	}
	config.Parallel = cmp.Or(parallel, config.Parallel)
	if text := c.String("limit-rate"); text != "" {
		config.LimitRate, err = units.Bytes(text)
		if err != nil || config.LimitRate != 0 && config.LimitRate < fleet.LeastRate {
			return &usage{fmt.Sprintf("--limit-rate %s: bytes per second such as 500k or 10M are expected, at least 16k", text)}
		}
	}
	return nil
}

// mostParallel is more than one machine can use.
const mostParallel = 1000

func runFleet(c *cli.Context, out *ui.Output, version string) error {
	ctx := c.Context
	if c.Bool("force") && len(c.StringSlice("only")) == 0 {
		return &usage{"--force needs --only, which names the projects"}
	}
	f, report, err := refreshFleet(c, out, version, nil)
	if err != nil {
		return err
	}
	f.summary(out, report)
	if err := out.Result(report); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if bad := stale(report); bad > 0 {
		return &staleError{bad, len(report.Projects)}
	}
	return nil
}

// stale counts the projects that are not as they should be after a run.
func stale(report fleet.RunReport) (bad int) {
	for _, result := range report.Projects {
		if !result.Fine() {
			bad++
		}
	}
	return bad
}

// refreshFleet is one run. A watch says which projects have changed.
func refreshFleet(c *cli.Context, out *ui.Output, version string, watch *watching) (f *openedFleet, report fleet.RunReport, err error) {
	ctx := c.Context
	restore := frugal()
	defer restore()
	if f, err = openFleet(c, out, version, watch); err != nil {
		return nil, report, err
	}
	if slices.ContainsFunc(f.items, func(item *fleet.Item) bool { return item.Action == fleet.Refresh }) {
		restore() // a refresh needs the processors for other things
	}
	teller, err := newFleetTeller(c, out, f)
	if err != nil {
		return nil, report, err
	}
	if watch == nil {
		if err := f.wait(ctx, out); err != nil {
			return nil, report, err
		}
	}
	// The garbage collector works harder as the process approaches the limit.
	debug.SetMemoryLimit(f.limits.Memory)
	report = fleet.RunReport{
		Version: jsonVersion, Started: time.Now().UTC(), Publisher: publisher(), ToolVersion: version,
		Shard: f.shard.String(), Parallel: f.limits.Parallel,
	}
	watcher := newFleetWatcher(out, f)
	runner := fleet.Runner{
		Limits: f.limits, Shard: f.shard, ShareHosts: c.Bool("share-hosts"), Holder: publisher(), MayPass: mayPass, Watcher: teller.watch(watcher), Bakes: watcher,
		Hint: func(err error) string {
			_, hint := classify(context.WithoutCancel(ctx), err)
			return strings.Replace(hint, "with --skip-broken", "with skip_broken: true in fleet.yaml", 1) // a fleet has no such flag
		},
	}
	report.Projects = runner.Run(ctx, f.items)
	report.Seconds = time.Since(report.Started).Seconds()
	report.Count()
	watcher.close()
	for _, problem := range report.Store(ctx, f.items) {
		out.Note(problem.Error())
	}
	teller.end(ctx, stale(report) == 0)
	return f, report, nil
}

// staleError means that a run has not made every dump fresh.
type staleError struct{ stale, all int }

func (e *staleError) Error() string {
	return fmt.Sprintf("%d of %s without a fresh dump", e.stale, ui.Count(int64(e.all), "project"))
}

// wait waits for a random part of the jitter, so that not all machines begin in the same second.
func (f *openedFleet) wait(ctx context.Context, out *ui.Output) error {
	if f.limits.Jitter <= 0 {
		return nil
	}
	pause := rand.N(f.limits.Jitter)
	out.Note("starting in " + ui.Duration(pause))
	return clock.Sleep(ctx, pause)
}

// refreshInFleet refreshes one project of a fleet.
func (s *session) refreshInFleet(ctx context.Context, turn fleet.Turn, options refreshOptions) (fleet.Outcome, error) {
	config, err := s.refreshConfig(ctx, options)
	if err != nil {
		return fleet.Outcome{}, err
	}
	config.Progress, config.Yield, config.Resume = turn, turn.Yield, turn.Resume
	result, err := refresh.Run(ctx, config)
	if err != nil {
		return fleet.Outcome{}, err
	}
	outcome := fleet.Outcome{
		State: fleet.Fresh, Key: result.Key, SnapshotTime: result.SnapshotTime, ObjectBytes: result.ObjectBytes,
		RawBytes: result.RawBytes, Tables: result.Tables, Rows: result.Rows,
	}
	switch {
	case result.Published:
		outcome.State = fleet.Published
	case result.Unchanged:
		outcome.State = fleet.Unchanged
	}
	return outcome, nil
}
