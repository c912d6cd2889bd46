package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// bench measures everything that the options ask for, prints the results and checks the promises.
func bench(ctx context.Context, o options) (err error) {
	for _, program := range neededPrograms {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: `make bench` installs and builds what is needed", err)
		}
	}
	s, err := newSite(o.under, o.server, o.old)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := report{
		Date: time.Now().UTC().Format(time.DateOnly), S3: o.server,
		Machine: thisMachine(), Programs: programs(ctx, o.server),
	}
	for _, prepare := range []func(context.Context, options) ([]*contest, error){
		s.mariadbContests, s.postgresContests, s.mariadbValues, s.postgresValues,
	} {
		contests, err := prepare(ctx, o)
		if err != nil {
			return err
		}
		for _, c := range contests {
			results, err := s.compete(ctx, c)
			if err != nil {
				return err
			}
			r.Results = append(r.Results, results...)
			r.Verdicts = judge(r.Results)
			// After each contest: a run takes long, and an interruption should not lose everything.
			if o.report != "" {
				if err := r.write(o.report); err != nil {
					return err
				}
			}
		}
	}
	results, err := s.changed(ctx, o)
	if err != nil {
		return err
	}
	if len(results) > 0 {
		r.Results = append(r.Results, results...)
		r.Verdicts = judge(r.Results)
		if o.report != "" {
			if err := r.write(o.report); err != nil {
				return err
			}
		}
	}
	say("\n%s", r.markdown())
	return r.broken()
}

// mariadbContests starts two servers and fills staging, unless nothing of theirs is measured.
func (s *site) mariadbContests(ctx context.Context, o options) ([]*contest, error) {
	var contests []*contest
	if o.wants("up") || o.wants("down") {
		c := &contest{
			name: "mariadb", title: fmt.Sprintf("MariaDB, %d MB of SQL", o.megabytes), content: drupal, amount: o.megabytes,
			ways: o.chosen(mariadbWays),
		}
		if o.wants("up") {
			c.upRuns = o.runs
		}
		if o.wants("down") {
			c.downRuns = o.pullRuns
		}
		contests = append(contests, c)
	}
	if o.wants("baked") {
		contests = append(contests, &contest{
			name: "baked", title: fmt.Sprintf("MariaDB, %d MB of SQL, tables as files", o.megabytes), content: drupal, amount: o.megabytes,
			ways: o.chosen(bakedWays), downRuns: o.pullRuns,
		})
	}
	if o.wants("connections") {
		contests = append(contests, &contest{
			name: "connections", title: fmt.Sprintf("MariaDB, %d MB of SQL, over 1, 2 and 4 connections", o.megabytes), content: drupal, amount: o.megabytes,
			ways: connectionWays, upRuns: o.runs, downRuns: o.pullRuns,
		})
	}
	if o.wants("small") {
		contests = append(contests, &contest{
			name: "small", title: fmt.Sprintf("MariaDB, %d MB of SQL", o.smallMegabytes), content: drupal, amount: o.smallMegabytes,
			ways: o.chosen(smallWays), upRuns: o.smallRuns, downRuns: o.smallRuns,
		})
	}
	if o.wants("tables") {
		contests = append(contests, &contest{
			name: "tables", title: fmt.Sprintf("MariaDB, %d tables of ten rows", o.tables), content: manyTables, amount: o.tables,
			ways: o.chosen(mariadbTablesWays), upRuns: o.runs, downRuns: o.pullRuns,
		})
	}
	if err := s.prepare(ctx, contests, s.startMariaDB, 512); err != nil {
		return nil, err
	}
	for _, c := range contests {
		var err error
		if c.kind, err = c.local.(mariadb).kind(); err != nil {
			return nil, err
		}
	}
	return contests, nil
}

// postgresContests does the same for PostgreSQL.
func (s *site) postgresContests(ctx context.Context, o options) ([]*contest, error) {
	var contests []*contest
	if o.wants("postgres") {
		contests = append(contests, &contest{
			name: "postgres", title: fmt.Sprintf("PostgreSQL, %d MB of SQL", o.postgresMegabytes), content: drupal, amount: o.postgresMegabytes,
			ways: o.chosen(postgresWays), upRuns: o.runs, downRuns: o.pullRuns,
		})
	}
	if o.wants("tables") {
		contests = append(contests, &contest{
			name: "postgres tables", title: fmt.Sprintf("PostgreSQL, %d tables of ten rows", o.tables), content: manyTables, amount: o.tables,
			ways: o.chosen(postgresTablesWays), upRuns: o.runs, downRuns: o.pullRuns,
		})
	}
	return contests, s.prepare(ctx, contests, s.startPostgres, 128)
}

// mariadbValues measures the memory that long values take.
func (s *site) mariadbValues(ctx context.Context, o options) ([]*contest, error) {
	return s.values(ctx, o, "values", "MariaDB", s.startMariaDBForValues)
}

func (s *site) postgresValues(ctx context.Context, o options) ([]*contest, error) {
	return s.values(ctx, o, "postgres values", "PostgreSQL", s.startPostgres)
}

func (s *site) values(ctx context.Context, o options, name, engine string, start func(string, int) (server, error)) ([]*contest, error) {
	if !o.wants("values") {
		return nil, nil
	}
	contests := []*contest{{
		name: name, title: fmt.Sprintf("%s, values of %d MB", engine, o.valueMegabytes), content: longValues, amount: o.valueMegabytes,
		ways: oursWays, upRuns: 1, downRuns: 1,
	}}
	return contests, s.prepare(ctx, contests, start, 256)
}

// prepare starts the servers of contests and fills staging. Staging has memory for all of its data, because the disk is not what is
// compared.
func (s *site) prepare(ctx context.Context, contests []*contest, start func(string, int) (server, error), localMemory int) error {
	if len(contests) == 0 {
		return nil
	}
	made := map[string]bool{} // staging's databases, which contests may share
	stagingMemory := 256
	for _, c := range contests {
		c.database = fmt.Sprintf("%s_%d", c.content, c.amount)
		if c.content == drupal && !made[c.database] {
			stagingMemory += c.amount * 3 / 2
		}
		made[c.database] = true
	}
	staging, err := start(contests[0].name+"-staging", stagingMemory)
	if err != nil {
		return err
	}
	local, err := start(contests[0].name+"-local", localMemory)
	if err != nil {
		return err
	}
	for _, c := range contests {
		c.staging, c.local = staging, local
	}
	for _, c := range contests {
		if !made[c.database] {
			continue
		}
		made[c.database] = false
		say("filling staging: %s", c.title)
		if err := s.fill(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
