package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/units"
)

func fleetPauseCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:      "pause",
		Usage:     "leave the projects called NAME alone until a moment",
		ArgsUsage: "[NAME]",
		Flags: append(fleetFlags(),
			&cli.StringFlag{Name: "until", Usage: "end the pause at `TIME`, such as 2026-12-24, or after that long, such as 3d"},
			&cli.StringFlag{Name: "reason", Usage: "say `WHY` in `fleet status`"},
		),
		Action: func(c *cli.Context) error {
			until, err := pauseEnd(c, time.Now())
			if err != nil {
				return err
			}
			pause := &fleet.Pause{Until: until, By: publisher(), Reason: oneLine(c.String("reason"))}
			return setPauses(c, version, "paused", pause)
		},
	})
}

func fleetResumeCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:      "resume",
		Usage:     "end the pause of the projects called NAME",
		ArgsUsage: "[NAME]",
		Flags:     fleetFlags(),
		Action: func(c *cli.Context) error {
			return setPauses(c, version, "resumed", nil)
		},
	})
}

// pauseEnd returns when a pause ends. A pause without an end would be forgotten.
func pauseEnd(c *cli.Context, now time.Time) (time.Time, error) {
	text := c.String("until")
	if text == "" {
		return time.Time{}, &usage{"no end of the pause given: use --until 2026-12-24, or --until 3d"}
	}
	var until time.Time
	if length, err := units.Duration(text); err == nil {
		until = now.Add(length)
	} else if until, err = moment(c, "until"); err != nil {
		return time.Time{}, &usage{fmt.Sprintf("--until %s: a time such as 2026-12-24 or 2026-12-24T06:30:00Z, or a duration such as 12h or 3d, is expected", text)}
	}
	if !until.After(now) {
		return time.Time{}, &usage{fmt.Sprintf("--until %s: that is in the past", text)}
	}
	return until.UTC().Truncate(time.Second), nil
}

// pauseResult is a project as `fleet pause --json` and `fleet resume --json` show it.
type pauseResult struct {
	Project string       `json:"project"`
	Slot    string       `json:"slot"`
	Pause   *fleet.Pause `json:"pause,omitempty"`
	Before  *fleet.Pause `json:"before,omitempty"` // the pause that was in force
	Error   string       `json:"error,omitempty"`
	Hint    string       `json:"hint,omitempty"`
}

// setPauses pauses the projects with a name, or with nil resumes them. One that fails does not affect the others.
func setPauses(c *cli.Context, version, done string, pause *fleet.Pause) error {
	pattern := c.Args().First()
	if pattern == "" {
		return &usage{"no project given: name one; * stands for any text"}
	}
	out := fleetOutput(c)
	_, projects, err := loadFleet(c, out, version)
	if err != nil {
		return err
	}
	if projects, err = only(projects, []string{pattern}); err != nil {
		return &usage{pattern + ": no project of the fleet has such a name"}
	}
	names, hint := labels(projects), hints(c.Context)
	results, failed := make([]pauseResult, len(projects)), 0
	var problems strings.Builder
	for i, project := range projects {
		result := pauseResult{Project: project.Name, Slot: project.Slot, Pause: pause}
		name := names[project.Slot]
		result.Before, err = fleet.SetPause(c.Context, project, pause)
		switch {
		case c.Context.Err() != nil:
			return err
		case err != nil:
			failed++
			result.Pause, result.Error, result.Hint = nil, err.Error(), hint(err)
			writeProblem(&problems, name+": not "+done, result.Error, result.Hint)
		case pause != nil:
			out.Print("%s: paused until %s\n", name, pause.Until.Format("2006-01-02 15:04 UTC"))
		case result.Before == nil:
			out.Print("%s: was not paused\n", name)
		default:
			out.Print("%s: resumed\n", name)
		}
		results[i] = result
	}
	out.Print("%s", problems.String())
	if err := out.Result(map[string]any{"version": jsonVersion, "projects": results}); err != nil {
		return err
	}
	if failed > 0 {
		return &incompleteError{done, failed, len(projects)}
	}
	return nil
}
