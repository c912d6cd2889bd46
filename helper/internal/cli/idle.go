package cli

import (
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// idleCommand is the main process of the dump service's container. `docker exec` runs the other verbs in it.
func idleCommand() *cli.Command {
	return command(cli.Command{
		Name:   "idle",
		Usage:  "wait until stopped",
		Hidden: true,
		Action: func(c *cli.Context) error {
			// When a command of `docker exec` is killed, its children, such as a dump client or a part of a pipeline, become
			// children of the container's first process. Nobody waits for them, so they would stay as zombies. If SIGCHLD is
			// ignored, the kernel removes them.
			signal.Ignore(syscall.SIGCHLD)
			<-c.Context.Done()
			return nil
		},
	})
}
