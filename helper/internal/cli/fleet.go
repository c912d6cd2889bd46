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
			fleetWatchCommand(version),
			fleetStatusCommand(version),
			fleetReportCommand(version),
			fleetVerifyCommand(version),
			fleetPruneCommand(version),
			fleetPauseCommand(version),
			fleetResumeCommand(version),
		},
	})
}

// defaultFleetFile is read if no flag names the projects.
const defaultFleetFile = "fleet.yaml"

// fleetFlags name the projects.
func fleetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "file", Usage: "use the projects listed in `FILE`", DefaultText: defaultFleetFile},
		&cli.StringFlag{Name: "root", Usage: "use the projects below `DIR`, without a file"},
		&cli.StringFlag{Name: "trust", Usage: "with --root: let the projects' own files decide `WHAT`, tables or full", DefaultText: string(fleet.TrustTables)},
		&cli.StringFlag{Name: "max-age", Usage: "treat dumps younger than `AGE` as fresh, such as 12h or 2d"},
	}
}

// shardFlags select this process's part of the projects.
func shardFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "shard", Usage: "take part `I/N` of the projects, such as 1/4"},
		&cli.StringFlag{Name: "shards", Usage: "divide the projects into `N` shards; the environment says which one this is"},
	}
}

// fleetConfig reads the fleet that the flags name.
func fleetConfig(c *cli.Context) (config fleet.Config, err error) {
	file, root := c.String("file"), c.String("root")
	switch {
	case file != "" && root != "":
		return config, &usage{"--file and --root exclude each other"}
	case root != "":
		config, err = fleet.ScanOnly(root)
	case file != "":
		config, err = fleet.ReadConfig(file)
	default:
		if _, missing := os.Stat(defaultFleetFile); missing != nil {
			return config, &usage{"no projects given: use --file FILE or --root DIR"}
		}
		config, err = fleet.ReadConfig(defaultFleetFile)
	}
	if err != nil {
		return config, err
	}
	if text := c.String("trust"); text != "" {
		trust, err := fleet.ParseTrust(text)
		switch {
		case err != nil:
			return config, &usage{"--trust: " + err.Error()}
		case root == "":
			return config, &usage{"--trust is for --root; in a file, write trust: " + text}
		}
		config.Scan[0].Trust = trust
	}
	maxAge, err := age(c, "max-age")
	if maxAge > 0 {
		config.Defaults.MaxAge = maxAge
		for i := range config.Scan {
			config.Scan[i].MaxAge = maxAge
		}
		for i := range config.Projects {
			config.Projects[i].MaxAge = maxAge
		}
	}
	return config, err
}

// shard returns this process's part of the projects.
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

// mostShards is more than any system runs.
const mostShards = 10000

// fleetOutput is the output of a verb of fleet.
func fleetOutput(c *cli.Context) *ui.Output { return ui.Standard(c.Bool("quiet"), c.Bool("json")) }
