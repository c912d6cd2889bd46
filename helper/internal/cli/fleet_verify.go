package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/restore"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func fleetVerifyCommand(version string) *cli.Command {
	return complete(cli.Command{
		Name:  "verify",
		Usage: "restore random dumps into throw-away servers, and compare what is there with the dumps' indexes and with staging",
		Flags: append(fleetFlags(), onlyFlag(),
			&cli.StringFlag{Name: "restore", Usage: "restore dumps of `N` projects, chosen at random"},
			&cli.StringFlag{Name: "for", Usage: "restore into these `SERVERS` instead of one like that of the dump, such as mariadb:11.8,mysql:8.4"},
			&cli.BoolFlag{Name: "without-staging", Usage: "do not ask staging"},
		),
		Action: func(c *cli.Context) error {
			return verifyFleet(c, fleetOutput(c), version)
		},
	})
}

// restoreOptions say how dumps are checked by restoring them.
type restoreOptions struct {
	// only means that the servers to try were named; without it, they are tried if there is none like that of the dump.
	only    bool
	staging bool
}

func verifyFleet(c *cli.Context, out *ui.Output, version string) error {
	count, err := number(c.String("restore"), mostRestored)
	if err != nil || count == 0 {
		return &usage{fmt.Sprintf("--restore %s: the number of dumps to restore is expected, from 1 to %d", c.String("restore"), mostRestored)}
	}
	_, f, err := loadFleetWith(c, out, version, func(loader *fleetLoader) {
		loader.restores = restoreOptions{only: c.IsSet("for"), staging: !c.Bool("without-staging")}
		if c.IsSet("for") {
			loader.flags["DUMP_BAKE"] = c.String("for")
		}
	})
	if err != nil {
		return err
	}
	names, board := labels(f), out.Board()
	restorer := fleet.Restorer{
		Unfit: func(err error) bool { return unfitToRestore(c.Context, err) }, Hint: hints(c.Context),
		Begin: func(p *fleet.Project) fleet.Lane { return board.Lane(names[p.Slot]) },
		Note:  func(p *fleet.Project, line string) { board.Say(names[p.Slot] + ": " + line) },
	}
	results, err := restorer.Run(c.Context, f, count)
	board.Close()
	if err != nil {
		return err
	}
	return showRestored(out, results, names, min(count, len(f)))
}

// mostRestored is more than anybody waits for.
const mostRestored = 10000

// unfitToRestore reports whether an error says nothing about the dump.
func unfitToRestore(ctx context.Context, err error) bool {
	unfit, missing := (*restore.UnfitError)(nil), (*throwaway.NoServerError)(nil)
	if errors.As(err, &unfit) || errors.As(err, &missing) || errors.Is(err, fleet.ErrRestoreTimeLimit) {
		return true
	}
	if lacking := (*target.ExtensionError)(nil); errors.As(err, &lacking) {
		return true
	}
	if refused := (*target.TablesError)(nil); errors.As(err, &refused) && (len(refused.Causes) > 0 || errors.As(err, new(*target.LacksError))) {
		return true
	}
	code, _ := classify(context.WithoutCancel(ctx), err)
	return slices.Contains([]int{exitAccess, exitNotFound, exitNoSpace, exitBusy, exitNetwork}, code)
}

// showRestored shows the results. It fails if a dump is not as it should be, or if fewer than that many were checked.
func showRestored(out *ui.Output, results []fleet.RestoreResult, names map[string]string, wanted int) error {
	rows := [][]string{{"PROJECT", "DUMP", "RESULT", "TABLES", "ROWS", "TIME", "STAGING"}}
	var problems strings.Builder
	good, bad := 0, 0
	for _, r := range results {
		result, why := "as it should be", r.Error
		switch {
		case r.Skipped != "":
			result, why = "not checked", r.Skipped
		case r.Error != "":
			result = "wrong"
			bad++
		default:
			good++
		}
		row := []string{names[r.Slot], lastPart(r.Dump), result, "-", "-", "-", "-"}
		if r.Tables > 0 {
			row[3], row[4], row[5] = fmt.Sprint(r.Tables), fmt.Sprint(r.Rows), seconds(r.Seconds)
		}
		if r.Staging != "" {
			row[6] = oneLine(r.Staging)
		}
		rows = append(rows, row)
		if why != "" {
			writeProblem(&problems, "\n"+names[r.Slot], why, r.Hint)
		}
	}
	out.Print("%s%s\n%d restored as they should be, %d wrong, %d not checked\n", ui.Table(rows), problems.String(), good, bad, len(results)-good-bad)
	if err := out.Result(map[string]any{"version": jsonVersion, "projects": results}); err != nil {
		return err
	}
	if bad > 0 || good < wanted {
		return &unrestoredError{bad, good, wanted}
	}
	return nil
}

// unrestoredError means that a restored dump was wrong, or that too few could be restored.
type unrestoredError struct{ wrong, right, wanted int }

func (e *unrestoredError) Error() string {
	if e.wrong > 0 {
		return fmt.Sprintf("%d of %s wrong", e.wrong, ui.Count(int64(e.wrong+e.right), "restored dump"))
	}
	return fmt.Sprintf("only %d of %s could be restored", e.right, ui.Count(int64(e.wanted), "dump"))
}

func lastPart(key string) string {
	if key == "" {
		return "-"
	}
	return key[strings.LastIndex(key, "/")+1:]
}

// restoreInFleet checks a dump of one project of a fleet.
func (s *session) restoreInFleet(ctx context.Context, options restoreOptions, key string, progress dump.Progress) (fleet.Restored, error) {
	store, err := s.openBucket(ctx)
	if err != nil {
		return fleet.Restored{}, err
	}
	config := restore.Config{Bucket: store, Key: key, Only: options.only, Load: s.loadBeside(progress), Progress: progress}
	for _, server := range s.project.Bake {
		config.Kinds = append(config.Kinds, throwaway.Kind(server))
	}
	if options.staging {
		config.Staging = func(ctx context.Context) (source.Config, error) { return s.source(ctx) }
	}
	result, err := restore.Run(ctx, config)
	return fleet.Restored{
		Server: result.Server, Tables: result.Tables, Rows: result.Rows, Seconds: result.Seconds, Staging: result.Staging,
	}, err
}
