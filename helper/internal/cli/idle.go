package cli

import (
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// idleCommand is what the dump service's container does while nobody needs it: the other verbs are run in it
// by `docker exec`.
func idleCommand() *cli.Command {
	return command(cli.Command{
		Name:   "idle",
		Usage:  "do nothing until told to stop",
		Hidden: true,
		Action: func(c *cli.Context) error {
			// What `docker exec` starts is not a child of the container's first process, but what that leaves
			// behind when it is killed, a dump client or a part of a pipeline, becomes one. Nobody would ask how
			// it ended, and it would stay as a zombie: if the signal is ignored, the kernel lets none stay.
			signal.Ignore(syscall.SIGCHLD)
			<-c.Context.Done()
			return nil
		},
	})
}
