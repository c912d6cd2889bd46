package cli

import (
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func versionCommand(version string) *cli.Command {
	return command(cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			return printVersion(c, version)
		},
	})
}

func printVersion(c *cli.Context, version string) error {
	out := ui.Standard(c.Bool("quiet"), c.Bool("json"))
	platform := runtime.GOOS + "/" + runtime.GOARCH
	out.Print("dump-helper %s (%s, %s)\n", version, runtime.Version(), platform)
	return out.Result(map[string]string{"version": version, "go": runtime.Version(), "platform": platform})
}
