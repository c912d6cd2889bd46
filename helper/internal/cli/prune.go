package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

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
	retention := s.retention()
	if retention.Newest == 0 && retention.Days == 0 {
		return errNoRetention
	}
	store, err := s.openBucket(ctx)
	if err != nil {
		return err
	}
	dumps, err := store.Dumps(ctx)
	if err != nil {
		return err
	}
	expired := retention.Expired(dumps, time.Now())
	verb := "deleted"
	if dryRun {
		verb = "would delete"
	}
	deleted, freed := []string{}, int64(0)
	for _, dump := range expired {
		if !dryRun {
			if err := store.Delete(ctx, dump); err != nil {
				return err
			}
		}
		deleted, freed = append(deleted, dump.Key), freed+dump.Size
		s.out.Print("%s %s (%s, %s old)\n", verb, dump.Key, ui.Bytes(dump.Size), ui.Duration(time.Since(dump.Time)))
	}
	s.out.Print("%s %s, %s; %d kept\n", verb, ui.Count(int64(len(deleted)), "dump"), ui.Bytes(freed), len(dumps)-len(deleted))
	return s.out.Result(map[string]any{
		"deleted": deleted, "freed_bytes": freed, "kept": len(dumps) - len(deleted), "dry_run": dryRun,
	})
}

var errNoRetention = fmt.Errorf("neither DUMP_KEEP nor DUMP_KEEP_DAYS is set, so that every dump is kept")
