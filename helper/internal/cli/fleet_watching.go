package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func fleetWatchCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:  "watch",
		Usage: "keep running, and publish a fresh dump of every project soon after its staging has changed",
		Flags: append(append(fleetFlags(), shardFlags()...),
			&cli.StringFlag{Name: "metrics-file", Usage: "after each run, write metrics for Prometheus to `FILE`, for node_exporter's textfile collector"},
			&cli.BoolFlag{Name: "share-hosts", Usage: "keep to per_host together with all other processes that have this flag, as shards do"},
			&cli.StringFlag{Name: "parallel", Usage: "refresh at most `N` projects at once", DefaultText: "by processors and memory"},
			&cli.StringFlag{Name: "limit-rate", Usage: "send and fetch at most `RATE` bytes per second for all projects together, such as 500k or 10M"},
		),
		Action: func(c *cli.Context) error {
			return watchFleet(c, fleetOutput(c), version)
		},
	})
}

// watchReview is how often a watched fleet is looked at as `fleet refresh` does.
const watchReview = 5 * time.Minute

// watching is what runs of a watched fleet share.
type watching struct {
	*fleet.Watch
	seen map[string]bool // slots of projects that have changed
}

// watchFleet refreshes a fleet until it is told to end, which is no failure. A fleet.yaml that is wrong from the beginning is one.
func watchFleet(c *cli.Context, out *ui.Output, version string) error {
	ctx := c.Context
	w := &watching{Watch: fleet.NewWatch(time.Minute, watchReview, func(project *fleet.Project, line string) {
		out.Note(project.Name + ": " + line)
	})}
	reload := hangups(ctx, func() string {
		config, _ := fleetConfig(c) // a run says what is wrong with it
		return config.File
	})
	var items []*fleet.Item
	for first := true; ; first = false {
		began := time.Now()
		f, report, err := refreshFleet(c, out, version, w)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // what was running has ended cleanly
		case err != nil && first:
			return err
		case err != nil:
			out.Note("the fleet cannot be read, trying again: " + err.Error())
			if w.After(ctx, reload) != nil {
				return nil //nolint:nilerr // it was told to end
			}
			continue
		}
		w.Ran(f.items, report.Projects, began)
		w.Interval, items = max(f.watchInterval, time.Second), f.items
		for _, result := range report.Projects {
			if result.Tries > 0 {
				f.summary(out, report)
				break
			}
		}
		if w.seen, err = w.Next(ctx, items, reload); err != nil {
			return nil //nolint:nilerr // it was told to end
		}
	}
}

// fileLook is how often fleet.yaml is looked at.
const fileLook = 2 * time.Second

// hangups tells of each SIGHUP, and of each change of a file.
func hangups(ctx context.Context, file func() string) <-chan struct{} {
	reload, signals := make(chan struct{}, 1), make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	stamp := func(name string) (s struct {
		at   time.Time
		size int64
	}) {
		if info, err := os.Stat(name); err == nil {
			s.at, s.size = info.ModTime(), info.Size()
		}
		return s
	}
	name := file()
	before := stamp(name)
	go func() {
		defer signal.Stop(signals)
		tick := time.NewTicker(fileLook)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			case <-tick.C:
				now := stamp(name)
				if now == before {
					continue
				}
				before = now
			}
			select {
			case reload <- struct{}{}:
			default: // one is waiting
			}
		}
	}()
	return reload
}

// changedInFleet asks staging whether it has changed since an earlier state.
func (s *session) changedInFleet(ctx context.Context, since string) (now string, changed bool, err error) {
	config, err := s.source(ctx)
	if err != nil {
		return "", false, err
	}
	return refresh.Changed(ctx, config, since)
}
