package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
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
	rules := s.retention()
	if rules == (retention.Rules{}) {
		return errNoRetention
	}
	store, err := s.openBucket(ctx)
	if err != nil {
		return err
	}
	contents, err := store.Contents(ctx)
	if err != nil {
		return err
	}
	if text := contents.FutureText(); text != "" {
		s.out.Note(text)
	}
	verb := "deleted"
	if dryRun {
		verb = "would delete"
	}
	deleted, dumps, freed := []string{}, 0, int64(0)
	for _, object := range refresh.Expired(rules, contents) {
		if !dryRun {
			if err := store.Delete(ctx, object); err != nil {
				return err
			}
		}
		deleted, freed = append(deleted, object.Key), freed+object.Size
		if object.Series == "" {
			dumps++
		}
		s.out.Print("%s %s (%s, %s old)\n", verb, object.Key, ui.Bytes(object.Size), ui.Duration(clock.Age(object.Time, contents.Now)))
	}
	what, kept := ui.Count(int64(dumps), "dump"), len(contents.Dumps)-dumps
	if baked := len(deleted) - dumps; baked > 0 {
		what += " and " + ui.Count(int64(baked), "baked object")
	}
	s.out.Print("%s %s, %s; %d kept\n", verb, what, ui.Bytes(freed), kept)
	return s.out.Result(map[string]any{"deleted": deleted, "freed_bytes": freed, "kept": kept, "dry_run": dryRun})
}

var errNoRetention = fmt.Errorf("neither DUMP_KEEP nor DUMP_KEEP_DAYS is set, so every dump is kept")
