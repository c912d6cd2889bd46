package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

func onlyFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "only", Usage: "leave all projects but `NAME` alone; * stands for any text, ? for one character; may be given more than once"}
}

// only returns the projects whose names match one of the patterns; all if there is none.
func only(projects []fleet.Project, patterns []string) ([]fleet.Project, error) {
	if len(patterns) == 0 {
		return projects, nil
	}
	chosen := slices.DeleteFunc(slices.Clone(projects), func(p fleet.Project) bool { return !wildcard.MatchAny(patterns, p.Name) })
	if len(chosen) == 0 {
		return nil, &usage{"--only " + strings.Join(patterns, " --only ") + ": no project of the fleet has such a name"}
	}
	return chosen, nil
}
