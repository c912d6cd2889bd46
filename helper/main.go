// Command dump-helper publishes dumps of a project's staging database to its S3 bucket and brings the
// newest one into a local database.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // "the end of a day, local time" must be right in an image without a database of time zones

	"github.com/jobiqo/dump-refresh/helper/internal/cli"
)

// version is set when the program is built.
var version = "dev"

// memory is what the garbage collector aims at: it works harder as the process approaches this limit. Without it, half of the memory that long
// rows take would be garbage. A fleet has a limit of its own.
const memory = 144 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(cli.Main(withLifeline(ctx), os.Args, version))
}
