package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/doctor"
	"github.com/jobiqo/dump-refresh/helper/internal/project"
	"github.com/jobiqo/dump-refresh/helper/internal/retention"
)

func doctorCommand(version string) *cli.Command {
	return command(cli.Command{
		Name:  "doctor",
		Usage: "check everything that a refresh and a pull need, and say what to fix",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "settings", Usage: "only print every setting, its value and its origin"},
			&cli.BoolFlag{Name: "version", Usage: "only print the version"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return printVersion(c, version)
			}
			s, err := open(c)
			if err != nil {
				return err
			}
			if c.Bool("settings") {
				return s.settings()
			}
			return s.doctor(c.Context)
		},
	})
}

// unhealthy is the error after failed checks, which have already been printed.
type unhealthy struct {
	failures int
	first    error
}

func (e *unhealthy) Error() string {
	if e.failures == 1 {
		return "1 check failed"
	}
	return fmt.Sprintf("%d checks failed", e.failures)
}

func (e *unhealthy) Unwrap() error { return e.first }

func (s *session) doctor(ctx context.Context) error {
	type checked struct {
		Name   string        `json:"name"`
		Status doctor.Status `json:"status"`
		Text   string        `json:"text"`
		Hint   string        `json:"hint,omitempty"`
	}
	checks := []checked{}
	failed := &unhealthy{}
	report := func(check doctor.Check) {
		if check.Hint == "" && check.Err != nil {
			_, check.Hint = classify(ctx, check.Err)
		}
		check.Hint = inWords(check.Hint)
		if check.Status == doctor.Failed {
			failed.failures++
			if failed.first == nil {
				failed.first = check.Err
			}
		}
		checks = append(checks, checked{check.Name, check.Status, check.Text, check.Hint})
		s.out.Print("%-8s %-20s %s\n", check.Status, check.Name, strings.ReplaceAll(check.Text, "\n", "\n"+strings.Repeat(" ", 30)))
		if check.Hint != "" {
			s.out.Print("%30shint: %s\n", "", check.Hint)
		}
	}
	report(doctor.Check{Name: "settings", Status: doctor.OK, Text: "project " + s.project.Name + " in " + s.project.Root})
	config := doctor.Config{OpenBucket: s.openBucket, Target: s.project.Target, Contents: s.contents, Earlier: s.earlier, WithoutRows: s.withoutRows,
		KeepsAll: s.retention() == (retention.Rules{}), Report: report}
	if s.project.Source.IsSet() {
		config.Source = s.source
	}
	if err := s.requireTarget(ctx); !errors.Is(err, project.ErrMissing) {
		config.TargetError = err
	}
	if err := doctor.Run(ctx, config); err != nil {
		return err
	}
	if err := s.out.Result(map[string]any{"healthy": failed.failures == 0, "checks": checks}); err != nil {
		return err
	}
	if failed.failures > 0 {
		return failed
	}
	return nil
}
