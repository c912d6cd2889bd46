package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/refresh"
	"github.com/jobiqo/dump-refresh/helper/internal/retention"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func refreshCommand(version string) *cli.Command {
	return command(cli.Command{
		Name:  "refresh",
		Usage: "publish a fresh dump of the staging database",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "read all tables and publish in any case, even if the dump has far fewer tables or rows than the last one"},
			&cli.BoolFlag{Name: "skip-broken", Usage: "leave out tables, views and routines that nobody can read, and publish the rest"},
			&cli.BoolFlag{Name: "full", Usage: "read all tables and send every byte again, even what the last dump contains already"},
			&cli.StringFlag{Name: "if-older-than", Usage: "do nothing if the newest dump is younger than `AGE`, such as 30m, 12h or 2d"},
			&cli.BoolFlag{Name: "if-changed", Usage: "do nothing if the staging database can tell that it has not changed since the newest dump"},
			&cli.StringFlag{Name: "engine", Usage: "read rows with `ENGINE`: native, or client for the official dump client"},
			&cli.StringFlag{Name: "threads", Usage: "read rows over at most `N` connections, 1 to 16"},
			&cli.StringFlag{Name: "level", Usage: "compress at level `N`, 1 to 22 of zstd or 1 to 9 of gzip"},
			&cli.BoolFlag{Name: "bake", Usage: "then bake the dump for DUMP_BAKE, and fail if that fails; --bake=false does not bake"},
			limitRateFlag(),
		},
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			ifOlderThan, err := age(c, "if-older-than")
			if err != nil {
				return err
			}
			threads, err := threads(c)
			if err != nil {
				return err
			}
			level, err := level(c, s.project.Compression)
			if err != nil {
				return err
			}
			if c.Bool("bake") {
				if err := s.project.RequireBake(); err != nil {
					return err
				}
			}
			result, err := s.refresh(c.Context, refreshOptions{
				version: version, force: c.Bool("force"), full: c.Bool("full"), skipBroken: c.Bool("skip-broken"), ifOlderThan: ifOlderThan, ifChanged: c.Bool("if-changed"),
				threads: threads, level: level,
			})
			if err != nil {
				return err
			}
			s.remember(result.Key, result.ObjectBytes)
			s.out.Print("%s", describeRefresh(result))
			if len(s.project.Bake) == 0 || c.IsSet("bake") && !c.Bool("bake") {
				return s.out.Result(refreshed{jsonVersion, result, nil})
			}
			baked, err := s.bakeRefreshed(c.Context, version, result.Key, c.Bool("bake"))
			if err != nil {
				return err
			}
			return s.out.Result(refreshed{jsonVersion, result, &baked})
		},
	})
}

// refreshed is the result of `refresh`.
type refreshed struct {
	Version int `json:"version"`
	refresh.Result
	// Bake is the result of baking the dump; nil if that was not asked for.
	Bake *bakeReport `json:"bake,omitempty"`
}

type refreshOptions struct {
	version        string
	force, full    bool
	skipBroken     bool
	ifOlderThan    time.Duration
	ifChanged      bool
	threads, level int // 0 for the defaults
}

func (s *session) refresh(ctx context.Context, options refreshOptions) (refresh.Result, error) {
	config, err := s.refreshConfig(ctx, options)
	if err != nil {
		return refresh.Result{}, err
	}
	defer s.out.Finish()
	config.Progress = s.out
	return refresh.Run(ctx, config)
}

// refreshConfig is the config of a refresh, without its progress.
func (s *session) refreshConfig(ctx context.Context, options refreshOptions) (refresh.Config, error) {
	if err := s.project.RequireBucket(); err != nil {
		return refresh.Config{}, err
	}
	source, err := s.source(ctx)
	if err != nil {
		return refresh.Config{}, err
	}
	source.Threads, source.SkipBroken = options.threads, options.skipBroken
	key, err := s.project.SignKey(ctx, s.fromAWS)
	if err != nil {
		return refresh.Config{}, err
	}
	store, err := s.openBucket(ctx)
	if err != nil {
		return refresh.Config{}, err
	}
	return refresh.Config{
		SignKey: key,
		Project: s.project.DumpsOf, ToolVersion: options.version, Publisher: publisher(),
		Source: source, Bucket: store, Compression: dumpfile.Compression(s.project.Compression), Level: options.level,
		Force: options.force, Full: options.full, IfOlderThan: options.ifOlderThan, IfChanged: options.ifChanged,
		Retention: s.retention(),
	}, nil
}

func (s *session) retention() retention.Rules {
	rules := s.project.Keep
	rules.Days = s.project.KeepDays
	return rules
}

func describeRefresh(result refresh.Result) string {
	var text strings.Builder
	switch {
	case result.Unchanged:
		text.WriteString("nothing to do, staging has not changed since " + result.Key + "\n")
	case result.Published:
		text.WriteString("published " + result.Key + "\n")
	default:
		text.WriteString("nothing to do, the newest dump is " + result.Key + "\n")
	}
	if result.Tables > 0 {
		text.WriteString(ui.Count(result.Tables, "table"))
		if result.UnreadTables > 0 {
			fmt.Fprintf(&text, ", %d of them not read", result.UnreadTables)
		}
		text.WriteString(", " + ui.Count(result.Rows, "row") + ", " +
			ui.Bytes(result.RawBytes) + " of SQL in " + ui.Bytes(result.ObjectBytes))
		if result.ReusedBytes > 0 {
			text.WriteString(", " + ui.Bytes(result.RawBytes-result.ReusedBytes) + " changed, " + ui.Bytes(result.SentBytes) + " sent")
		}
	} else {
		text.WriteString(ui.Bytes(result.ObjectBytes))
	}
	if result.Published {
		text.WriteString(", " + ui.Duration(time.Duration(result.Seconds*float64(time.Second))))
	}
	text.WriteString("\n")
	for _, key := range result.Deleted {
		text.WriteString("deleted " + key + "\n")
	}
	return text.String()
}
