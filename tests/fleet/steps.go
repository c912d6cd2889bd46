package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// singles refreshes the healthy projects one after another, records how long each takes, and copies the histories to the
// fleet's bucket. So the fleet knows how long each project takes, but has no dumps yet.
func (s *stage) singles(ctx context.Context) error {
	file, err := s.writeFleet(singleBucket, s.healthy)
	if err != nil {
		return err
	}
	before := processorSeconds()
	ran, err := s.program(ctx, "fleet", "refresh", "--file", file, "--parallel", "1", "--json")
	if err == nil {
		err = ran.wanted(0)
	}
	if err != nil {
		return err
	}
	s.singleCPU = processorSeconds() - before
	found, err := ran.report()
	if err != nil {
		return err
	}
	for _, project := range found.Projects {
		s.single = append(s.single, project.Seconds)
	}
	keys, err := s.s3.Keys(singleBucket)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if strings.HasSuffix(key, ".history.json") {
			text, err := s.s3.GetObject(singleBucket, key)
			if err == nil {
				err = s.s3.PutObject(fleetBucket, key, text)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// fleet refreshes all projects and checks the result of each, the memory and the time.
func (s *stage) fleet(ctx context.Context) error {
	file, err := s.writeFleet(fleetBucket, append(s.broken, s.healthy...))
	if err != nil {
		return err
	}
	ran, err := s.program(ctx, "fleet", "refresh", "--file", file, "--parallel", fmt.Sprint(s.parallel), "--json")
	if err == nil {
		err = ran.wanted(13)
	}
	if err != nil {
		return err
	}
	found, err := ran.report()
	if err != nil {
		return err
	}
	s.firstRun = ran.seconds
	reasons := map[string]string{}
	for _, site := range s.broken {
		reasons[site.name] = site.reason
	}
	published := 0
	var packed, longest, hung float64
	for _, project := range found.Projects {
		reason, broken := reasons[project.Project]
		switch {
		case broken && (project.State != "failed" || !strings.Contains(project.Error, reason) || project.Hint == ""):
			return fmt.Errorf("%s: %s, %q, hint %q; %q was to be in its reason", project.Project, project.State, project.Error, project.Hint, reason)
		case broken:
			fmt.Fprintf(s.out, "    %-10s failed: %s\n", project.Project, strings.ReplaceAll(project.Error, "\n", "; "))
			hung += project.Seconds
		case project.State != "published":
			return fmt.Errorf("%s: %s: %s", project.Project, project.State, project.Error)
		default:
			published++
			packed += project.Seconds
			longest = max(longest, project.Seconds)
		}
	}
	if published != len(s.healthy) || len(found.Projects) != len(s.healthy)+len(s.broken) {
		return fmt.Errorf("%d of %d published, %d results", published, len(s.healthy), len(found.Projects))
	}
	fmt.Fprintf(s.out, "    %d published, %d failed in %.1f s; peak memory %.0f MiB\n", published, len(s.broken), ran.seconds, float64(ran.memory)/(1<<20))
	if ran.memory > s.mostMemory {
		return fmt.Errorf("the process needed %d MiB", ran.memory>>20)
	}
	return s.packing(ran.seconds, packed, longest, hung)
}

// packing compares the run with the best possible one. From the durations of the single projects it follows that no run can
// be shorter than the longest project, than the CPU time of all of them, or than all of them spread over the slots. The
// project that hangs occupies a slot, too.
func (s *stage) packing(took, packed, longest, hung float64) error {
	sum, single := hung, hung
	for _, seconds := range s.single {
		sum, single = sum+seconds, max(single, seconds)
	}
	best := max(single, s.singleCPU/float64(runtime.NumCPU()), sum/float64(s.parallel))
	within := max(longest, hung, (packed+hung)/float64(s.parallel))
	fmt.Fprintf(s.out, "    one after another: %.1f s, the longest %.1f s, %.1f s of processor time\n", sum, single, s.singleCPU)
	fmt.Fprintf(s.out, "    best packing of these: %.1f s; the run took %.2f of it\n", best, took/best)
	fmt.Fprintf(s.out, "    best packing of the durations within the run: %.1f s; the run took %.2f of it\n", within, took/within)
	if s.timed && took > 1.25*best {
		return errors.New("more than 1.25 of the best packing")
	}
	return nil
}

// again refreshes the healthy projects twice: first when none is due, then as if all were.
func (s *stage) again(ctx context.Context) error {
	file, err := s.writeFleet(fleetBucket, s.healthy)
	if err != nil {
		return err
	}
	time.Sleep(time.Second) // the last dump must be due in the second run
	for _, run := range []struct{ maxAge, state string }{{"1d", "fresh"}, {"1s", "unchanged"}} {
		ran, err := s.program(ctx, "fleet", "refresh", "--file", file, "--parallel", fmt.Sprint(s.parallel), "--max-age", run.maxAge, "--json")
		if err == nil {
			err = ran.wanted(0)
		}
		if err != nil {
			return err
		}
		found, err := ran.report()
		if err != nil {
			return err
		}
		for _, project := range found.Projects {
			if project.State != run.state {
				return fmt.Errorf("%s: %s", project.Project, project.State)
			}
		}
		fmt.Fprintf(s.out, "    %d %s in %.1f s, %.3f of the first run\n", len(found.Projects), run.state, ran.seconds, ran.seconds/s.firstRun)
		if s.timed && ran.seconds > s.firstRun/10 {
			return errors.New("more than a tenth of the first run")
		}
	}
	return nil
}

// show writes the HTML report, if asked for.
func (s *stage) show(ctx context.Context) error {
	if s.page == "" {
		return nil
	}
	file, err := s.writeFleet(fleetBucket, slices.Concat(s.broken, s.healthy))
	if err != nil {
		return err
	}
	ran, err := s.program(ctx, "fleet", "report", "--file", file, "--html", s.page)
	if err != nil {
		return err
	}
	return ran.wanted(0)
}

// compare pulls every dump into a database beside its own, and compares all rows of all tables.
func (s *stage) compare(ctx context.Context) error {
	for _, site := range s.healthy {
		back := site.name + "_back"
		target := strings.Replace(site.source, "/"+site.name, "/"+back, 1)
		if err := s.exec(site, "CREATE DATABASE "+back); err != nil {
			return err
		}
		ran, err := s.program(ctx, "pull", "--project", "sites/"+site.name, "--set", "DUMP_S3_BUCKET="+fleetBucket, "--set", "DUMP_TARGET="+target, "--yes", "--quiet")
		if err == nil {
			err = ran.wanted(0)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", site.name, err)
		}
		want, err := s.sums(site, site.name)
		if err != nil {
			return err
		}
		got, err := s.sums(site, back)
		if err != nil {
			return err
		}
		if !maps.Equal(want, got) || len(want) < 10 {
			return fmt.Errorf("%s: what was pulled back differs:\n%v\n%v", site.name, want, got)
		}
		for _, database := range []string{back, back + "__dump_previous", back + "__dump_older_1", back + "__dump_spare"} {
			if err := s.exec(site, "DROP DATABASE IF EXISTS "+database); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(s.out, "    %d databases are equal\n", len(s.healthy))
	return nil
}

// sums returns a sum over all rows of each table.
func (s *stage) sums(site *site, database string) (map[string]string, error) {
	if !site.postgres {
		return s.maria.Checksums(database)
	}
	tables, err := s.pg.Query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, table := range tables {
		rows, err := s.pg.Query(database, "SELECT count(*) || ' ' || coalesce(sum(hashtext(t::text)::bigint), 0) FROM public."+table[0]+" t")
		if err != nil {
			return nil, err
		}
		sums[table[0]] = rows[0][0]
	}
	return sums, nil
}

// shards divides the fleet among four processes. It kills two during a refresh and starts them again.
func (s *stage) shards(ctx context.Context) error {
	const count = 4
	file, err := s.writeFleet(shardBucket, s.healthy)
	if err != nil {
		return err
	}
	began := time.Now()
	ended := make(chan error, count)
	for shard := 1; shard <= count; shard++ {
		words := []string{"fleet", "refresh", "--file", file, "--parallel", "1", "--shard", fmt.Sprintf("%d/%d", shard, count)}
		go func() {
			ended <- func() error {
				if shard <= 2 {
					if err := s.killed(ctx, words); err != nil {
						return err
					}
				}
				ran, err := s.program(ctx, words...)
				if err == nil {
					err = ran.wanted(0)
				}
				return err
			}()
		}()
	}
	for range count {
		err = errors.Join(err, <-ended)
	}
	if err != nil {
		return err
	}
	keys, err := s.s3.Keys(shardBucket)
	if err != nil {
		return err
	}
	dumps := map[string]int{}
	for _, key := range keys {
		if !strings.Contains(key, ".dump-refresh/") {
			dumps[filepath.Dir(key)]++
		}
	}
	for _, site := range s.healthy {
		if dumps[site.name] != 1 {
			return fmt.Errorf("%s was published %d times", site.name, dumps[site.name])
		}
	}
	uploads, err := s.s3.Uploads(shardBucket)
	if err == nil && len(uploads) > 0 {
		err = fmt.Errorf("unfinished uploads are left: %v", slices.Sorted(slices.Values(uploads)))
	}
	fmt.Fprintf(s.out, "    %d projects, each published once, in %.1f s\n", len(dumps), time.Since(began).Seconds())
	return err
}

// killed runs the program and kills it with signal 9 during its second refresh, when it has published one dump and holds
// a lease.
func (s *stage) killed(ctx context.Context, words []string) error {
	command := s.command(ctx, words...)
	stderr, err := command.StderrPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	begun := 0
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		switch {
		case strings.HasSuffix(lines.Text(), ": begins"):
			begun++
		case begun == 2 && strings.Contains(lines.Text(), ": one snapshot, read over "): // it is now in the middle of its dump
			_ = command.Process.Signal(syscall.SIGKILL)
		}
	}
	_ = command.Wait()
	if status := command.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("it ended before it was killed (%s)", command.ProcessState)
	}
	return nil
}
