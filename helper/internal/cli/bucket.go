package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func bucketCommand() *cli.Command {
	return group(cli.Command{
		Name:        "bucket",
		Usage:       "manage the bucket itself",
		Subcommands: []*cli.Command{bucketSetupCommand()},
	})
}

// mostDays is more than anybody needs and less than S3 accepts.
const mostDays = 3650

func bucketSetupCommand() *cli.Command {
	return command(cli.Command{
		Name:  "setup",
		Usage: "configure the bucket: encryption, versions, lifecycle, no public access",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "create", Usage: "create the bucket if it does not exist"},
			&cli.StringFlag{Name: "abort-after", Usage: "remove unfinished uploads after `DAYS`", DefaultText: "2"},
			&cli.StringFlag{Name: "keep-versions", Usage: "remove old versions after `DAYS`", DefaultText: "30"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what would be set"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
		},
		Action: func(c *cli.Context) error {
			abort, err := days(c, "abort-after", 2)
			if err != nil {
				return err
			}
			keep, err := days(c, "keep-versions", 30)
			if err != nil {
				return err
			}
			s, err := open(c)
			if err != nil {
				return err
			}
			shape := bucket.Shape{Create: c.Bool("create"), AbortDays: abort, VersionDays: keep}
			return s.bucketSetup(c.Context, shape, c.Bool("dry-run"), func(question string) error { return s.confirm(c, question) })
		},
	})
}

// days parses a flag for a number of days.
func days(c *cli.Context, flag string, usual int) (int32, error) {
	n, err := number(c.String(flag), mostDays)
	if err != nil || n == 0 && c.IsSet(flag) {
		return 0, &usage{fmt.Sprintf("--%s %s: a number of days from 1 to %d is expected", flag, c.String(flag), mostDays)}
	}
	if n == 0 {
		n = usual
	}
	return int32(n), nil
}

// noBucket is the error for a bucket that does not exist and could be created.
type noBucket struct{ error }

func (e *noBucket) Unwrap() error { return e.error }

func (s *session) bucketSetup(ctx context.Context, shape bucket.Shape, dryRun bool, confirm func(question string) error) error {
	store, err := s.openBucket(ctx)
	if err != nil {
		return err
	}
	setup, err := store.PlanSetup(ctx, shape)
	if errors.Is(err, bucket.ErrNoSuchBucket) {
		return &noBucket{err}
	}
	if err != nil {
		return err
	}
	show := func(item bucket.Item) { s.out.Print("%-18s %-18s %s\n", item.State, item.Name, item.Text) }
	changes := setup.Changes()
	if dryRun || changes == 0 {
		for _, item := range setup.Items {
			show(item)
		}
	} else {
		for _, item := range setup.Items {
			if item.State == bucket.WouldSet {
				s.out.Note(fmt.Sprintf("%s %s %s", item.State, item.Name, item.Text))
			}
		}
		if err := confirm(fmt.Sprintf("set %s of %s?", ui.Count(int64(changes), "thing"), s.project.Bucket)); err != nil {
			return err
		}
		if err := setup.Apply(ctx, show); err != nil {
			return err
		}
	}
	return s.out.Result(map[string]any{"bucket": s.project.Bucket, "items": setup.Items, "dry_run": dryRun})
}
