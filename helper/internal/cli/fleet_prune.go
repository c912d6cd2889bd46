package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func fleetPruneCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:  "prune",
		Usage: "show which dumps of all projects their retention does not keep, and with --yes delete them",
		Flags: append(fleetFlags(), onlyFlag(), &cli.BoolFlag{Name: "yes", Usage: "delete them"}),
		Action: func(c *cli.Context) error {
			return pruneFleet(c, fleetOutput(c), version)
		},
	})
}

// pruneFleet always finds first what is to be deleted, and says so, before anything is deleted.
func pruneFleet(c *cli.Context, out *ui.Output, version string) error {
	_, projects, err := loadFleet(c, out, version)
	if err != nil {
		return err
	}
	names := labels(projects)
	hint := hints(c.Context)
	var mutex sync.Mutex
	say := func(p *fleet.Project, line string) {
		mutex.Lock()
		defer mutex.Unlock()
		out.Print("%s: %s\n", names[p.Slot], line)
	}
	found, err := fleet.Prune(c.Context, projects, true, hint, say)
	if err != nil {
		return err
	}
	if c.Bool("yes") {
		if found, err = fleet.Prune(c.Context, projects, false, hint, say); err != nil {
			return err
		}
	}
	return showPruned(c, out, found, names)
}

// showPruned shows what was deleted of each project, or would be.
func showPruned(c *cli.Context, out *ui.Output, found []fleet.Pruned, names map[string]string) error {
	head, verb := "WOULD DELETE", "would delete"
	if c.Bool("yes") {
		head, verb = "DELETED", "deleted"
	}
	rows := [][]string{{"PROJECT", head, "FREES", "KEEPS"}}
	all, failed := fleet.Pruned{}, 0
	var problems strings.Builder
	for _, p := range found {
		name := names[p.Slot]
		all.Dumps, all.Kept, all.FreedBytes, all.Deleted = all.Dumps+p.Dumps, all.Kept+p.Kept, all.FreedBytes+p.FreedBytes, append(all.Deleted, p.Deleted...)
		switch {
		case p.Error != "":
			failed++
			rows = append(rows, []string{name, strconv.Itoa(p.Dumps), ui.Bytes(p.FreedBytes), "-"})
			writeProblem(&problems, "\n"+name, p.Error, p.Hint)
		case p.KeepsAll:
			rows = append(rows, []string{name, "-", "-", "all, without DUMP_KEEP"})
		default:
			rows = append(rows, []string{name, strconv.Itoa(p.Dumps), ui.Bytes(p.FreedBytes), strconv.Itoa(p.Kept)})
		}
	}
	out.Print("%s%s\n%s %s, %s; %d kept\n", ui.Table(rows), problems.String(), verb, describePruned(all), ui.Bytes(all.FreedBytes), all.Kept)
	if !c.Bool("yes") && len(all.Deleted) > 0 {
		out.Print("nothing is deleted without --yes\n")
	}
	if err := out.Result(map[string]any{"version": jsonVersion, "dry_run": !c.Bool("yes"), "freed_bytes": all.FreedBytes, "projects": found}); err != nil {
		return err
	}
	if failed > 0 {
		return &incompleteError{"pruned", failed, len(found)}
	}
	return nil
}

// incompleteError means that a verb of fleet could not do its work for every project.
type incompleteError struct {
	done        string // what was to be done: "pruned"
	failed, all int
}

func (e *incompleteError) Error() string {
	return fmt.Sprintf("%d of %s could not be %s", e.failed, ui.Count(int64(e.all), "project"), e.done)
}

// pruneInFleet prunes one project of a fleet. A project without a retention keeps everything, which is no error there.
func (s *session) pruneInFleet(ctx context.Context, dryRun bool, say func(string)) (fleet.Pruned, error) {
	mine := *s
	mine.note = say
	pruned, err := mine.pruneDumps(ctx, dryRun, say)
	if errors.Is(err, errNoRetention) {
		pruned.KeepsAll = true
		return pruned, nil
	}
	return pruned, err
}

// hints returns a function that says what a user can do about an error.
func hints(ctx context.Context) func(error) string {
	return func(err error) string {
		_, hint := classify(ctx, err)
		return hint
	}
}
