// Command fleet is the acceptance test of `dump-helper fleet`: it generates many projects on this machine, and breaks some of
// them, each in its own way. `make fleet-acceptance` builds what it needs and runs it. It leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// options set the size of the fleet.
type options struct {
	helper            string
	projects          int // healthy and broken ones
	smallest, largest int // of the healthy ones, in millions of bytes of SQL
	parallel          int
	memory            string // as in fleet.yaml
	page              string // the file for the fleet's HTML report; none if empty
	mostMemory        int64  // the most memory that the process may use, in bytes
	hang              string // time limit of the project whose server never answers
	timed             bool   // check the times, which mean little for a small fleet
	out               io.Writer
}

func main() {
	o := options{out: os.Stdout, hang: "10s", mostMemory: 600 << 20}
	flag.StringVar(&o.helper, "helper", filepath.Join("bin", "dump-helper"), "the program to test")
	flag.IntVar(&o.projects, "projects", 60, "number of projects, five of them broken")
	flag.IntVar(&o.smallest, "smallest", 5, "size of the smallest database, in millions of bytes of SQL")
	flag.IntVar(&o.largest, "largest", 300, "size of the largest database, in millions of bytes of SQL")
	flag.IntVar(&o.parallel, "parallel", 4, "refreshes at once")
	flag.StringVar(&o.memory, "memory", "500M", "memory in fleet.yaml")
	flag.StringVar(&o.page, "page", "", "write the fleet's page into this `FILE`, after its second and third run")
	flag.BoolVar(&o.timed, "timed", true, "demand the times; false for a machine that does other things meanwhile")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "fleet acceptance failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.helper, err = filepath.Abs(o.helper); err != nil {
		return err
	}
	if o.page != "" {
		if o.page, err = filepath.Abs(o.page); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "dump-fleet-")
	if err != nil {
		return err
	}
	s := &stage{options: o, dir: dir}
	// Stop the servers before their folder is removed.
	defer func() {
		s.stop()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"start the servers", s.start},
		{fmt.Sprintf("make %d projects, %d to %d MB", o.projects, o.smallest, o.largest), s.fill},
		{"refresh one after another", s.singles},
		{"refresh the fleet", s.fleet},
		{"refresh it again, nothing has changed", s.again},
		{"show the fleet", s.show},
		{"pull every dump back and compare", s.compare},
		{"refresh a fleet with a hostile third", s.hostile},
		{"four shards, two of them killed and begun again", s.shards},
	} {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		fmt.Fprintf(o.out, "==> %s\n", step.what)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}
