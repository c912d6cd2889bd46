package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jobiqo/dump-refresh/tests/data"
)

// The ways of a day: staging has changed a little, and everything is sent and loaded again, or only what changed; or nothing has changed.
const (
	everything = ours + "/everything"
	onlyNew    = ours + "/changed"
	nothingNew = ours + "/unchanged"
)

// changed measures days on which one row in a hundred changes.
func (s *site) changed(ctx context.Context, o options) ([]result, error) {
	if !o.wants("changed") {
		return nil, nil
	}
	c := &contest{name: "changed", title: fmt.Sprintf("MariaDB, %d MB of SQL, 1 %% of the rows changed", o.megabytes), content: drupal, amount: o.megabytes}
	if err := s.prepare(ctx, []*contest{c}, s.startMariaDB, 512); err != nil {
		return nil, err
	}
	if err := c.renewLocal(); err != nil {
		return nil, err
	}
	up, down := result{Name: "changed up", Title: c.title + ", refresh"}, result{Name: "changed down", Title: c.title + ", pull"}
	const report = " --json > $FILES/result"
	for _, w := range []wayResult{
		{Key: everything, Name: "all of it", Command: "dump-helper refresh --quiet --full"},
		{Key: onlyNew, Name: "what changed", Command: "dump-helper refresh --quiet"},
		{Key: nothingNew, Name: "nothing changed", Command: "dump-helper refresh --quiet"},
	} {
		up.Ways = append(up.Ways, w)
		w.Command = "dump-helper pull --yes --quiet --set DUMP_CACHE_DIR=$CACHE"
		if w.Key == everything {
			w.Command += " --full"
		}
		down.Ways = append(down.Ways, w)
	}
	say("\n%s: first round, not counted", c.title)
	for round := range o.runs + 1 {
		if round > 0 {
			say("%s: round %d of %d", c.title, round, o.runs)
		}
		for i, w := range up.Ways {
			if w.Key != nothingNew {
				if err := data.Change(ctx, c.staging.URL(c.database), data.Options{Seed: 1, MB: o.megabytes}, 2*round+i); err != nil {
					return nil, err
				}
			}
			for _, half := range []*result{&up, &down} {
				got, err := s.day(ctx, c, half, half.Ways[i].Command+report)
				if err != nil {
					return nil, err
				}
				if round > 0 {
					half.Ways[i].Runs = append(half.Ways[i].Runs, got)
				}
			}
			var err error
			if c.sums, err = c.staging.Checksums(c.database); err != nil {
				return nil, err
			}
			if err := c.compareTables(way{key: w.Key}); err != nil {
				return nil, err
			}
		}
	}
	for _, half := range []*result{&up, &down} {
		for i, w := range half.Ways {
			half.Ways[i].Median = medians(w.Runs)
		}
	}
	return []result{up, down}, nil
}

// day measures one command of a day.
func (s *site) day(ctx context.Context, c *contest, half *result, line string) (cost, error) {
	if err := s.emptyFiles(); err != nil {
		return cost{}, err
	}
	if err := settle(ctx, c.staging.PID(), c.local.PID(), s.s3.PID()); err != nil {
		return cost{}, err
	}
	server := c.staging
	if half.Name == "changed down" {
		server = c.local
	}
	before := cpuSeconds(server.PID())
	got, err := measure(ctx, s.environ(c, way{key: ours}), s.project(), line)
	if err != nil {
		return cost{}, err
	}
	got.ServerCPU = cpuSeconds(server.PID()) - before
	text, err := os.ReadFile(filepath.Join(s.files(), "result"))
	if err != nil {
		return cost{}, err
	}
	var moved struct {
		Sent    int64 `json:"sent_bytes"`
		Fetched int64 `json:"fetched_bytes"`
	}
	if err := json.Unmarshal(text, &moved); err != nil {
		return cost{}, fmt.Errorf("read the result of %s: %w", line, err)
	}
	got.Moved = moved.Sent + moved.Fetched
	say("  %-18s %s, %.1f MB over the line", half.Name, got, float64(got.Moved)/1e6)
	return got, nil
}
