// Command demo shows the main job on this machine: it publishes a staging database to S3 and pulls it into another
// server. `make demo` installs and builds what it needs, and runs it. It leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	helper := flag.String("helper", filepath.Join("bin", "dump-helper"), "the program to show")
	megabytes := flag.Int("mb", 200, "size of the staging database, in millions of bytes of SQL")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, *helper, *megabytes)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		fmt.Println("\ninterrupted; everything that was started has ended")
		os.Exit(130)
	default:
		fmt.Println("\ndemo failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, helper string, megabytes int) (err error) {
	helper, err = filepath.Abs(helper)
	if err != nil {
		return err
	}
	if _, err := os.Stat(helper); err != nil {
		return errors.New(helper + " is missing: run `make build` first")
	}
	dir, err := os.MkdirTemp("", "dump-demo-")
	if err != nil {
		return err
	}
	s := &stage{dir: dir}
	// Stop the servers before their folder is removed.
	defer func() {
		s.stop()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	return show(ctx, s, helper, megabytes)
}
