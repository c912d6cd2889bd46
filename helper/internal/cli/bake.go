package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/bake"
	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/throwaway"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func bakeCommand(version string) *cli.Command {
	return command(cli.Command{
		Name:  "bake",
		Usage: "store a dump's tables beside it as files, which servers import faster than SQL",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "bake the dump `KEY` instead of the newest one"},
			&cli.StringFlag{Name: "for", Usage: "bake for these `SERVERS`, such as mariadb:11.8,mysql:8.4", DefaultText: "DUMP_BAKE"},
			&cli.BoolFlag{Name: "force", Usage: "bake again even if the baked object exists"},
			limitRateFlag(),
		},
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			if err := s.project.RequireBake(); err != nil {
				return err
			}
			result, err := s.bake(c.Context, bakeOptions{version: version, key: c.String("key"), force: c.Bool("force")})
			s.out.Print("%s", describeBake(result))
			if err != nil {
				return err
			}
			return s.out.Result(result)
		},
	})
}

type bakeOptions struct {
	version string
	key     string // "" for the newest dump
	force   bool
}

func (s *session) bake(ctx context.Context, options bakeOptions) (bake.Result, error) {
	defer s.out.Finish()
	return s.bakeTo(ctx, options, s.out)
}

// bakeInFleet bakes one project of a fleet. It returns the series of servers for which the dump is baked.
func (s *session) bakeInFleet(ctx context.Context, version, key string, progress dump.Progress) (series []string, err error) {
	result, err := s.bakeTo(ctx, bakeOptions{version: version, key: key}, progress)
	for _, object := range result.Objects {
		if object.Key != "" {
			series = append(series, object.Series)
		}
	}
	return series, err
}

func (s *session) bakeTo(ctx context.Context, options bakeOptions, progress dump.Progress) (bake.Result, error) {
	store, err := s.openBucket(ctx)
	if err != nil {
		return bake.Result{}, err
	}
	key, err := s.project.SignKey(ctx, s.fromAWS)
	if err != nil {
		return bake.Result{}, err
	}
	config := bake.Config{
		SignKey: key,
		Project: s.project.DumpsOf, ToolVersion: options.version, Publisher: publisher(),
		Bucket: store, Key: options.key, Force: options.force, Load: s.loadBeside(progress), Progress: progress,
	}
	for _, server := range s.project.Bake {
		config.Kinds = append(config.Kinds, throwaway.Kind(server))
	}
	return bake.Run(ctx, config)
}

// bakeReport is the result of baking a dump that is already published.
type bakeReport struct {
	bake.Result
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// notBaked is the error of a bake after a successful refresh.
type notBaked struct{ err error }

func (e *notBaked) Error() string { return "the dump is published, but not baked: " + e.err.Error() }

func (e *notBaked) Unwrap() error { return e.err }

// bakeRefreshed bakes the dump of a refresh. A failure is an error if --bake was given, and a note otherwise.
func (s *session) bakeRefreshed(ctx context.Context, version, key string, asked bool) (bakeReport, error) {
	result, err := s.bake(ctx, bakeOptions{version: version, key: key})
	s.out.Print("%s", describeBake(result))
	report := bakeReport{Result: result}
	if err == nil {
		return report, nil
	}
	if err = (&notBaked{err}); asked || ctx.Err() != nil {
		return report, err
	}
	_, report.Hint = classify(ctx, err)
	report.Error = err.Error()
	s.out.Note(report.Error)
	if report.Hint != "" {
		s.out.Note("hint: " + report.Hint)
	}
	return report, nil
}

// loadBeside returns an ordinary pull of a dump into a temporary server.
func (s *session) loadBeside(progress dump.Progress) func(context.Context, bucket.Object, dburl.URL, string) error {
	return func(ctx context.Context, dump bucket.Object, target dburl.URL, folder string) error {
		plan, err := pull.Prepare(ctx, pull.Config{
			OpenBucket: s.openBucket, BucketName: s.project.Bucket, Target: target, Key: dump.Key, OnlySQL: true, InOrder: true,
			CacheDir: folder, Progress: progress,
			Remember: func(...string) error { return nil }, // only pulls of the files need the tables' checksums
		})
		if err != nil {
			return err
		}
		defer func() { _ = plan.Close() }()
		_, err = plan.Run(ctx)
		return err
	}
}

// describeBake has a line for each kind of server, followed by the reasons why tables are not among the files.
func describeBake(result bake.Result) string {
	var text strings.Builder
	for _, object := range result.Objects {
		switch {
		case object.Key == "":
			fmt.Fprintf(&text, "nothing to bake for %s: no table is large enough\n", object.Series)
		case !object.Published:
			fmt.Fprintf(&text, "nothing to do, %s exists (%s)\n", object.Key, ui.Bytes(object.ObjectBytes))
		default:
			fmt.Fprintf(&text, "published %s\n%s as files of %s in %s, %s too small, %s\n", object.Key,
				ui.Count(object.Tables, "table"), ui.Bytes(object.FileBytes), ui.Bytes(object.ObjectBytes), ui.Count(object.Small, "table"),
				ui.Duration(time.Duration(object.Seconds*float64(time.Second))))
		}
		for _, left := range object.Left {
			fmt.Fprintf(&text, "table %s stays SQL: %s\n", left.Name, left.Reason)
		}
	}
	return text.String()
}
