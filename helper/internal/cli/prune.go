package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/retention"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func pruneCommand() *cli.Command {
	return command(cli.Command{
		Name:  "prune",
		Usage: "delete the dumps that DUMP_KEEP and DUMP_KEEP_DAYS do not keep",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what would be deleted"},
		},
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			return s.prune(c.Context, c.Bool("dry-run"))
		},
	})
}

func (s *session) prune(ctx context.Context, dryRun bool) error {
	pruned, err := s.pruneDumps(ctx, dryRun, func(line string) { s.out.Print("%s\n", line) })
	if err != nil {
		return err
	}
	verb := "deleted"
	if dryRun {
		verb = "would delete"
	}
	s.out.Print("%s %s, %s; %d kept\n", verb, describePruned(pruned), ui.Bytes(pruned.FreedBytes), pruned.Kept)
	return s.out.Result(map[string]any{"deleted": pruned.Deleted, "freed_bytes": pruned.FreedBytes, "kept": pruned.Kept, "dry_run": dryRun})
}

// pruneDumps deletes what the project's retention does not keep, or only finds it. say gets a line about each object.
func (s *session) pruneDumps(ctx context.Context, dryRun bool, say func(string)) (fleet.Pruned, error) {
	pruned := fleet.Pruned{Deleted: []string{}}
	rules := s.retention()
	if rules == (retention.Rules{}) {
		return pruned, errNoRetention
	}
	store, err := s.openBucket(ctx)
	if err != nil {
		return pruned, err
	}
	contents, err := store.Contents(ctx)
	if err != nil {
		return pruned, err
	}
	if text := contents.FutureText(); text != "" {
		s.note(text)
	}
	verb := "deleted"
	if dryRun {
		verb = "would delete"
	}
	pruned.Kept = len(contents.Dumps)
	for _, object := range refresh.Expired(rules, contents) {
		if !dryRun {
			if err := store.Delete(ctx, object); err != nil {
				return pruned, err
			}
		}
		pruned.Deleted, pruned.FreedBytes = append(pruned.Deleted, object.Key), pruned.FreedBytes+object.Size
		if object.Series == "" {
			pruned.Dumps++
			pruned.Kept--
		}
		say(fmt.Sprintf("%s %s (%s, %s old)", verb, object.Key, ui.Bytes(object.Size), ui.Duration(clock.Age(object.Time, contents.Now))))
	}
	return pruned, nil
}

// describePruned counts what was deleted.
func describePruned(pruned fleet.Pruned) string {
	what := ui.Count(int64(pruned.Dumps), "dump")
	if baked := len(pruned.Deleted) - pruned.Dumps; baked > 0 {
		what += " and " + ui.Count(int64(baked), "baked object")
	}
	return what
}

var errNoRetention = fmt.Errorf("neither DUMP_KEEP nor DUMP_KEEP_DAYS is set, so every dump is kept")
