package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func pullCommand(version string) *cli.Command {
	return command(cli.Command{
		Name:  "pull",
		Usage: "replace the local database with the newest dump",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "target", Usage: "replace the database at `URL`, as in mysql://user@host/name"},
			&cli.StringFlag{Name: "key", Usage: "pull the dump `KEY` instead of the newest one"},
			&cli.StringFlag{Name: "as-of", Usage: "pull the newest dump from `TIME` or before, as in 2026-11-22 or 2026-11-22T06:30:00Z"},
			&cli.StringFlag{Name: "max-age", Usage: "refresh first if the newest dump is older than `AGE`, as in 30m, 12h or 2d"},
			&cli.BoolFlag{Name: "force", Usage: "go on even if the disk of the local database looks too small"},
			&cli.BoolFlag{Name: "undo", Usage: "bring back the database that the last pull replaced"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
		},
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			if err := s.project.RequireTarget(); err != nil {
				return err
			}
			if c.Bool("undo") {
				return s.undo(c)
			}
			return s.pull(c, version)
		},
	})
}

func (s *session) pull(c *cli.Context, version string) error {
	ctx := c.Context
	asOf, err := moment(c, "as-of")
	if err != nil {
		return err
	}
	maxAge, err := age(c, "max-age")
	if err != nil {
		return err
	}
	if c.String("key") != "" && (!asOf.IsZero() || maxAge > 0) || !asOf.IsZero() && maxAge > 0 {
		return &usage{"--key, --as-of and --max-age exclude each other"}
	}
	store, err := s.openBucket(ctx)
	if err != nil {
		return err
	}
	if err := s.confirm(c, fmt.Sprintf("replace the database %s at %s?", s.project.Target.Name, s.project.Target.Address())); err != nil {
		return err
	}
	config := pull.Config{
		Bucket: store, BucketName: s.project.Bucket, Target: *s.project.Target,
		Key: c.String("key"), AsOf: asOf, MaxAge: maxAge,
		CacheDir: s.project.CacheDir, Force: c.Bool("force"), Progress: s.out,
	}
	if s.project.Source.IsSet() {
		config.Refresh = func(ctx context.Context) error {
			_, err := s.refresh(ctx, refreshOptions{version: version, ifOlderThan: maxAge})
			return err
		}
	}
	result, err := pull.Run(ctx, config)
	s.out.Finish()
	if err != nil {
		return err
	}
	s.out.Print("replaced %s with %s\n%s, %s, %s of SQL (%s fetched, %s cached), %s\n",
		s.project.Target.Name, result.Key, ui.Count(result.Tables, "table"), ui.Count(result.Rows, "row"),
		ui.Bytes(result.LoadedBytes), ui.Bytes(result.FetchedBytes), ui.Bytes(result.CachedBytes),
		ui.Duration(time.Duration(result.Seconds*float64(time.Second))))
	return s.out.Result(result)
}

func (s *session) undo(c *cli.Context) error {
	target := *s.project.Target
	if err := s.confirm(c, fmt.Sprintf("bring back the earlier database %s at %s?", target.Name, target.Address())); err != nil {
		return err
	}
	if err := pull.Undo(c.Context, target, s.out); err != nil {
		return err
	}
	s.out.Print("brought back the earlier database %s; undo again to take that back\n", target.Name)
	return s.out.Result(map[string]any{"undone": true, "target": target.String()})
}
