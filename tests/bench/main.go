// Command bench compares the costs of a refresh and of a pull with those of other tools, on the same databases, S3 server and
// machine, in turns. It fails if a promise is broken. `make bench` installs and builds what it needs; docs/benchmarks.md
// describes it.
//
//	bench                        measures
//	bench table FIGURES          prints the tables of a file that BENCH_JSON named
//	bench table FIGURES DOCUMENT writes them into a document
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
	err := run(ctx, os.Args[1:])
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

func run(ctx context.Context, words []string) error {
	switch {
	case len(words) == 0:
		o, err := readOptions(os.Getenv)
		if err != nil {
			return err
		}
		return bench(ctx, o)
	case len(words) == 4 && words[0] == loadVerb:
		return load(ctx, words[1], words[2], words[3])
	case len(words) == 2 && words[0] == "table":
		r, err := readReport(words[1])
		if err != nil {
			return err
		}
		fmt.Print(r.markdown())
		return nil
	case len(words) == 3 && words[0] == "table":
		return writeDocument(words[1], words[2])
	}
	return errors.New("usage: bench [table FIGURES [DOCUMENT]]")
}

// loadVerb makes this program fill a database. It does so in a separate process because the kernel's peak memory of a process begins
// before its exec: the children of a big program look big.
const loadVerb = "load"

func load(ctx context.Context, address, kind, text string) error {
	amount, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	switch kind {
	case manyTables:
		return data.LoadTables(ctx, address, amount)
	case longValues:
		return data.LoadValues(ctx, address, amount)
	}
	return data.Load(ctx, address, data.Options{Seed: 1, MB: amount, View: true, Trigger: true})
}

// say prints a line about the progress; the figures are in BENCH_JSON.
func say(format string, arguments ...any) { fmt.Printf(format+"\n", arguments...) }
