package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// contest is a database, the ways to refresh and to pull it, and how often each is measured; 0 for never.
type contest struct {
	name, title string
	database    string // its name on both servers: views tell it
	// content is the kind of database, and amount is how much of it: millions of bytes of SQL, tables, or millions of bytes of a value.
	content          string
	amount           int
	staging, local   server
	kind             string // of the local server, where tables as files are made for it: "mariadb:10.11"
	ways             []way
	upRuns, downRuns int

	sums map[string]string // of the tables of staging
}

// folder is its folder in the bucket and in the cache. Not every program takes a name with spaces.
func (c *contest) folder() string { return strings.ReplaceAll(c.name, " ", "-") }

// The contents of databases.
const (
	drupal     = "drupal"
	manyTables = "tables"
	longValues = "values"
)

// direction is one half of a contest.
type direction struct {
	name, title string
	runs        int
	job         func(way) job
	server      server // whose CPU time counts
	// before and after surround a run and are not measured.
	before func(way) error
	after  func(way, *cost) error
	// check fails if a run has lost something. It is called after the first run of each command line.
	check func(way) error
}

// compete runs both halves of a contest.
func (s *site) compete(ctx context.Context, c *contest) ([]result, error) {
	var err error
	if c.sums, err = c.staging.Checksums(c.database); err != nil {
		return nil, err
	}
	up, down := s.up(ctx, c), s.down(ctx, c)
	var results []result
	if c.upRuns > 0 {
		r, err := s.compare(ctx, c, up)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	} else if err := s.publish(ctx, c, up); err != nil {
		return nil, err
	}
	if c.downRuns > 0 {
		r, err := s.compare(ctx, c, down)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

func (s *site) up(ctx context.Context, c *contest) direction {
	folder := func(w way) string { return c.folder() + "/" + w.key }
	return direction{
		name: c.name + " up", title: c.title + ", refresh", runs: c.upRuns, server: c.staging,
		job:    func(w way) job { return w.up },
		before: func(w way) error { return s.deleteDumps(ctx, folder(w)) },
		after: func(w way, got *cost) (err error) {
			_, got.Stored, err = s.stored(ctx, folder(w))
			return err
		},
		check: func(w way) error {
			if w.proof == "" {
				return nil
			}
			if err := c.renewLocal(); err != nil {
				return err
			}
			if err := s.emptyFiles(); err != nil {
				return err
			}
			if _, err := measure(ctx, s.environ(c, w), s.project(), w.proof); err != nil {
				return err
			}
			return c.compareTables(w)
		},
	}
}

func (s *site) down(ctx context.Context, c *contest) direction {
	return direction{
		name: c.name + " down", title: c.title + ", pull", runs: c.downRuns, server: c.local,
		job: func(w way) job { return w.down },
		before: func(w way) error {
			// An object that is baked again in each round is in no cache.
			if w.key == cached && slices.ContainsFunc(c.ways, func(w way) bool { return w.bakes }) {
				if err := c.renewLocal(); err != nil {
					return err
				}
				if _, err := measure(ctx, s.environ(c, w), s.project(), w.down.lines[0]); err != nil {
					return err
				}
			}
			return c.renewLocal()
		},
		after: func(way, *cost) error { return nil },
		check: func(w way) error {
			if w.bakes {
				return nil // the ways that load what it makes are checked
			}
			return c.compareTables(w)
		},
	}
}

// renewLocal leaves a single, empty database on the local server.
func (c *contest) renewLocal() error {
	if err := c.local.dropDatabases(); err != nil {
		return err
	}
	return c.local.createDatabase(c.database)
}

// compareTables compares the local database with staging.
func (c *contest) compareTables(w way) error {
	got, err := c.local.Checksums(c.database)
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(c.sums)) {
		if got[table] != c.sums[table] {
			return fmt.Errorf("%s: table %s has the checksum %q, on staging %q", w.key, table, got[table], c.sums[table])
		}
	}
	if len(got) != len(c.sums) {
		return fmt.Errorf("%s: %d tables, on staging %d", w.key, len(got), len(c.sums))
	}
	return nil
}

// publish runs each refresh once whose way also pulls.
func (s *site) publish(ctx context.Context, c *contest, up direction) error {
	say("\n%s: uploading the dumps that are pulled", c.title)
	for _, w := range c.ways {
		if len(w.up.lines) == 0 || len(w.down.lines) == 0 {
			continue
		}
		if _, err := s.once(ctx, c, up, w, w.up.lines[0]); err != nil {
			return err
		}
	}
	return nil
}

// compare measures all ways in one direction. The first round is not counted: it warms everything up, checks the outcome
// and chooses among command lines. Each later round has an order of its own.
func (s *site) compare(ctx context.Context, c *contest, d direction) (result, error) {
	r := result{Name: d.name, Title: d.title}
	var ways []way
	say("\n%s: first round, not counted", d.title)
	for _, w := range c.ways {
		if len(d.job(w).lines) == 0 {
			continue
		}
		line, err := s.fastest(ctx, c, d, w)
		if err != nil {
			return r, err
		}
		ways = append(ways, w)
		r.Ways = append(r.Ways, wayResult{Key: w.key, Name: d.job(w).name, Command: line})
	}
	for round := range d.runs {
		say("%s: round %d of %d", d.title, round+1, d.runs)
		order := rand.New(rand.NewPCG(1, uint64(round))).Perm(len(ways))
		for _, i := range order {
			got, err := s.once(ctx, c, d, ways[i], r.Ways[i].Command)
			if err != nil {
				return r, err
			}
			r.Ways[i].Runs = append(r.Ways[i].Runs, got)
		}
	}
	for i := range r.Ways {
		r.Ways[i].Median = medians(r.Ways[i].Runs)
	}
	return r, nil
}

// fastest runs all command lines of a way, checks the outcome of each and returns the fastest.
func (s *site) fastest(ctx context.Context, c *contest, d direction, w way) (string, error) {
	best, least := "", 0.0
	for _, line := range d.job(w).lines {
		got, err := s.once(ctx, c, d, w, line)
		if err != nil {
			return "", err
		}
		if err := d.check(w); err != nil {
			return "", fmt.Errorf("%w\nafter: %s", err, line)
		}
		if best == "" || got.Wall < least {
			best, least = line, got.Wall
		}
	}
	return best, nil
}

// once measures one run.
func (s *site) once(ctx context.Context, c *contest, d direction, w way, line string) (cost, error) {
	if err := d.before(w); err != nil {
		return cost{}, err
	}
	if err := s.emptyFiles(); err != nil {
		return cost{}, err
	}
	if err := settle(ctx, c.staging.PID(), c.local.PID(), s.s3.PID()); err != nil {
		return cost{}, err
	}
	before := cpuSeconds(d.server.PID())
	got, err := measure(ctx, s.environ(c, w), s.project(), line)
	if err != nil {
		return cost{}, err
	}
	got.ServerCPU = cpuSeconds(d.server.PID()) - before
	if err := d.after(w, &got); err != nil {
		return cost{}, err
	}
	say("  %-18s %s", w.key, got)
	return got, nil
}
