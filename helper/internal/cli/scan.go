package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/personal"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// mostScanned limits the rows of a table that a scan reads from each of its ends.
const mostScanned = 100_000

// errScanTime is why a scan ends that takes too long.
var errScanTime = errors.New("the time limit of the scan has passed")

func scanCommand() *cli.Command {
	return command(cli.Command{
		Name:  "scan",
		Usage: "list columns of staging that look personal and have no rule",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "rows", Value: 500, Usage: "look at the oldest and at the newest `N` rows of each table"},
			&cli.DurationFlag{Name: "time-limit", Value: 5 * time.Minute, Usage: "end with an error after that `TIME`"},
			&cli.BoolFlag{Name: "all", Usage: "show also columns of which only few values look personal"},
			&cli.BoolFlag{Name: "accept", Usage: "write those that look harmless to .ddev/dump-refresh/reviewed.txt, for DUMP_PRIVACY"},
			&cli.BoolFlag{Name: "fragment", Usage: "print rules for .ddev/dump-refresh/rules.yaml"},
		},
		Action: func(c *cli.Context) error {
			if n := c.Int("rows"); n < 1 || n > mostScanned {
				return &usage{fmt.Sprintf("--rows %d: a number from 1 to %d is expected", n, mostScanned)}
			}
			s, err := open(c)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(c.Context, c.Duration("time-limit"), errScanTime)
			defer cancel()
			return s.scan(ctx, scanOptions{c.Int("rows"), c.Bool("all"), c.Bool("fragment"), c.Bool("accept")})
		},
	})
}

// scanOptions are the flags of a scan.
type scanOptions struct {
	rows                  int
	all, fragment, accept bool
}

func (s *session) scan(ctx context.Context, options scanOptions) error {
	config, err := s.unmasked(ctx)
	if err != nil {
		return err
	}
	s.out.Phase("looking into staging", 0)
	scan, err := personal.Run(ctx, config, rules.Rules{Columns: s.project.Rules.Columns, Accepted: s.project.Rules.Accepted}, options.rows)
	s.out.Finish()
	if err != nil {
		return err
	}
	var findings []personal.Finding
	few := 0
	for _, f := range scan.Findings() {
		if f.Confidence == personal.Low && !options.all {
			few++
			continue
		}
		findings = append(findings, f)
	}
	s.out.Print("%s", describeFindings(findings, options.fragment))
	note := fmt.Sprintf("of %s in %s, %d look personal and have no rule", ui.Count(int64(scan.Columns), "column"), ui.Count(int64(scan.Tables), "table"), len(findings))
	if few > 0 {
		note += fmt.Sprintf("; %d more with few such values (--all)", few)
	}
	s.out.Note(note)
	if options.accept {
		path, err := s.project.Review(scan.Harmless())
		if err != nil {
			return err
		}
		s.out.Note(fmt.Sprintf("%s look harmless, and are in %s now", ui.Count(int64(len(scan.Harmless())), "column"), path))
	}
	return s.out.Result(map[string]any{
		"findings": findings, "tables": scan.Tables, "columns": scan.Columns, "classified": scan.Classified, "harmless": scan.Harmless(), "fragment": personal.Fragment(findings),
	})
}

func describeFindings(findings []personal.Finding, fragment bool) string {
	if len(findings) == 0 {
		return ""
	}
	if fragment {
		return personal.Fragment(findings)
	}
	table := [][]string{{"CONFIDENCE", "COLUMN", "LOOKS LIKE", "VALUES", "SUCH AS", "MASKER"}}
	for _, f := range findings {
		why := string(f.Kind)
		if f.ByName {
			why += " (by its name)"
		}
		table = append(table, []string{string(f.Confidence), f.Place(), why, fmt.Sprintf("%d of %d", f.Hits, f.Sampled), f.Example, orDash(strings.Trim(f.Masker, `"`))})
	}
	return ui.Table(table)
}
