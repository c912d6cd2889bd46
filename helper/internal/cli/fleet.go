package cli

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func fleetCommand(version string) *cli.Command {
	return group(cli.Command{
		Name:  "fleet",
		Usage: "keep the dumps of many projects fresh",
		Subcommands: []*cli.Command{
			fleetPlanCommand(version),
			fleetRefreshCommand(version),
			fleetStatusCommand(version),
			fleetReportCommand(version),
		},
	})
}

// defaultFleetFile is read where no flag says which projects there are.
const defaultFleetFile = "fleet.yaml"

// fleetFlags say which projects there are.
func fleetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "file", Usage: "the projects are those of `FILE`", DefaultText: defaultFleetFile},
		&cli.StringFlag{Name: "root", Usage: "the projects are those below `DIR`, no file is needed"},
		&cli.StringFlag{Name: "max-age", Usage: "a dump is as it should be if it is younger than `AGE`, as in 12h or 2d"},
	}
}

// shardFlags say which part of them is this process's.
func shardFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "shard", Usage: "take part `I/N` of the projects, as in 1/4"},
		&cli.StringFlag{Name: "shards", Usage: "there are `N` shards, and the environment says which one this is"},
	}
}

// fleetConfig reads what the flags name.
func fleetConfig(c *cli.Context) (config fleet.Config, err error) {
	file, root := c.String("file"), c.String("root")
	switch {
	case file != "" && root != "":
		return config, &usage{"--file and --root exclude one another"}
	case root != "":
		config, err = fleet.ScanOnly(root)
	case file != "":
		config, err = fleet.ReadConfig(file)
	default:
		if _, missing := os.Stat(defaultFleetFile); missing != nil {
			return config, &usage{"say which projects there are: --file FILE or --root DIR"}
		}
		config, err = fleet.ReadConfig(defaultFleetFile)
	}
	if err != nil {
		return config, err
	}
	maxAge, err := age(c, "max-age")
	if maxAge > 0 {
		config.Defaults.MaxAge = maxAge
		for i := range config.Projects {
			config.Projects[i].MaxAge = maxAge
		}
	}
	return config, err
}

// shard reads which part of the projects is this process's.
func shard(c *cli.Context) (fleet.Shard, error) {
	if text := c.String("shard"); text != "" {
		found, err := fleet.ParseShard(text)
		if err != nil {
			return found, &usage{fmt.Sprintf("--shard %s: %s", text, err)}
		}
		return found, nil
	}
	count, err := number(c.String("shards"), mostShards)
	if err != nil {
		return fleet.Shard{}, &usage{fmt.Sprintf("--shards %s: a number from 1 to %d is expected", c.String("shards"), mostShards)}
	}
	found, err := fleet.ShardOf(os.Getenv, count)
	if err != nil {
		return found, &usage{err.Error()}
	}
	return found, nil
}

// mostShards is more than any engine runs.
const mostShards = 10000

// fleetOutput is where a verb of fleet talks to.
func fleetOutput(c *cli.Context) *ui.Output { return ui.Standard(c.Bool("quiet"), c.Bool("json")) }
