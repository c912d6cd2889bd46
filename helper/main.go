// Command dump-helper publishes dumps of a project's staging database to its S3 bucket and brings the
// newest one into a local database.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // "the end of a day, local time" must be right in an image without a database of time zones

	"github.com/jobiqo/dump-refresh/helper/internal/cli"
)

// version is set when the program is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(cli.Main(withLifeline(ctx), os.Args, version))
}
