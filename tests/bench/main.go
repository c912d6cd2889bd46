// Command bench times a refresh beside `mariadb-dump | zstd -1 | aws s3 cp -`, and a pull beside the same the
// other way round, on the same database, S3 server and machine. It fails if the refresh takes longer than its
// peer or if the helper needs more memory than promised. `make bench` installs and builds what it needs.
//
// The environment can set SIZE_MB (1000), RUNS (5) of the way up, PULL_RUNS (1), S3 (versitygw or minio),
// BENCH_JSON, a file for the figures, and BENCH_DIR, a folder for the servers' data.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/jobiqo/dump-refresh/tests/data"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	var err error
	if len(os.Args) == 4 && os.Args[1] == loadVerb {
		err = load(ctx, os.Args[2], os.Args[3])
	} else {
		err = bench(ctx)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "interrupted; everything that was started has ended")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "bench failed:", err)
		os.Exit(1)
	}
}

// loadVerb makes this program fill a database. It does so in a process of its own because the kernel counts
// the peak memory of a process from before its exec: the children of a big program look big.
const loadVerb = "load"

func load(ctx context.Context, address, megabytes string) error {
	mb, err := strconv.Atoi(megabytes)
	if err != nil {
		return err
	}
	return data.Load(ctx, address, data.Options{Seed: 1, MB: mb, View: true, Trigger: true})
}

// options are what the environment sets.
type options struct {
	megabytes, runs, pullRuns int
	server, report, under     string
}

func readOptions() (options, error) {
	o := options{server: "versitygw", report: os.Getenv("BENCH_JSON"), under: os.Getenv("BENCH_DIR")}
	if name := os.Getenv("S3"); name != "" {
		o.server = name
	}
	var problems []error
	for _, n := range []struct {
		name     string
		fallback int
		field    *int
	}{{"SIZE_MB", 1000, &o.megabytes}, {"RUNS", 5, &o.runs}, {"PULL_RUNS", 1, &o.pullRuns}} {
		*n.field = n.fallback
		if text := os.Getenv(n.name); text != "" {
			value, err := strconv.Atoi(text)
			if err != nil || value < 1 {
				problems = append(problems, fmt.Errorf("%s: must be a whole number from 1 (got %q)", n.name, text))
			}
			*n.field = value
		}
	}
	if o.server != "versitygw" && o.server != "minio" {
		problems = append(problems, fmt.Errorf("S3: must be versitygw or minio (got %q)", o.server))
	}
	return o, errors.Join(problems...)
}
