// Command drupal-data loads a made-up Drupal database into a running server, or writes it as SQL text to
// standard output.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/jobiqo/dump-refresh/tests/data"
)

func main() {
	var o data.Options
	address := flag.String("url", "", "load into this empty database: mysql://user@host:port/name or postgres://…")
	dialect := flag.String("dialect", "mysql", "without -url: the SQL to write, mysql or postgres")
	flag.IntVar(&o.MB, "mb", 5, "size of the SQL text in millions of bytes")
	flag.Uint64Var(&o.Seed, "seed", 1, "the same seed gives the same rows")
	flag.BoolVar(&o.View, "view", false, "add a view")
	flag.BoolVar(&o.Trigger, "trigger", false, "add a trigger")
	flag.BoolVar(&o.MyISAM, "myisam", false, "add a MyISAM table (MySQL only)")
	flag.BoolVar(&o.ForeignKeys, "foreign-keys", false, "add foreign keys")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, *dialect, o); err != nil {
		fmt.Fprintln(os.Stderr, "drupal-data:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, dialect string, o data.Options) error {
	switch {
	case o.MB < 1:
		return fmt.Errorf("-mb must be at least 1 (got %d)", o.MB)
	case address != "":
		return data.Load(ctx, address, o)
	case dialect == "mysql":
		return data.Write(os.Stdout, data.MySQL, o)
	case dialect == "postgres":
		return data.Write(os.Stdout, data.Postgres, o)
	}
	return fmt.Errorf("unknown dialect %q (mysql or postgres is expected)", dialect)
}
