// Package cli is the command line. Each verb has a file that turns its flags into a struct and runs it. One table holds all
// exit codes and hints.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/project"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

// Main runs the program and returns its exit code.
func Main(ctx context.Context, args []string, version string) int {
	err := run(ctx, newApp(version), args)
	out := ui.Standard(false, false)
	out.Finish()
	if err == nil {
		return exitOK
	}
	code, hint := classify(ctx, err)

	if code == exitInterrupted {
		out.Note("interrupted")
		return code
	}
	out.Fail(err, hint)
	if line := remains(err, code, hint); line != "" {
		out.Note(line)
	}
	return code
}

// run runs a command line.
func run(ctx context.Context, app *cli.App, args []string) error {
	var unknown string // the argument of `help`
	app.CommandNotFound = func(_ *cli.Context, name string) { unknown = name }
	if err := app.RunContext(ctx, interspersed(app, args)); err != nil || unknown == "" {
		return err
	}
	return &usage{unknownVerb(unknown, app.Commands)}
}

func newApp(version string) *cli.App {
	return &cli.App{
		Name:                      "dump-helper",
		Usage:                     "keep a project's database dump fresh in S3, and load it into the local database",
		UsageText:                 "dump-helper VERB [flags]",
		Version:                   version,
		HideVersion:               true,
		EnableBashCompletion:      true,
		DisableSliceFlagSeparator: true, // a setting's value may contain commas
		// Only Main prints errors and exits.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   usageError,
		Writer:         os.Stdout,
		ErrWriter:      os.Stderr,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return &usage{unknownVerb(c.Args().First(), c.App.Commands)}
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			refreshCommand(version),
			pullCommand(version),
			bakeCommand(version),
			listCommand(),
			inspectCommand(),
			verifyCommand(),
			pruneCommand(),
			scanCommand(),
			doctorCommand(version),
			bucketCommand(),
			fleetCommand(version),
			settingsCommand(),
			versionCommand(version),
			idleCommand(),
		},
	}
}

// usage is the error for a wrong command line.
type usage struct{ reason string }

func (e *usage) Error() string { return e.reason }

// command completes a verb with the flags that all verbs have and the settings that urfave/cli needs for each command.
func command(verb cli.Command) *cli.Command {
	verb.Flags = append(verb.Flags,
		&cli.StringFlag{Name: "project", Usage: "use the DDEV project around `DIR`", DefaultText: "the working directory"},
	)
	return complete(verb)
}

// complete does the same as command, without the flag that names a project.
func complete(verb cli.Command) *cli.Command {
	verb.Flags = append(verb.Flags,
		&cli.StringSliceFlag{Name: "set", Usage: "override a setting (`NAME=VALUE`)"},
		&cli.BoolFlag{Name: "json", Usage: "write the result as JSON"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but errors"},
	)
	for _, flag := range verb.Flags {
		if flag, ok := flag.(*cli.BoolFlag); ok {
			flag.DisableDefaultText = true
		}
	}
	verb.OnUsageError = usageError
	verb.HideHelpCommand = true
	action := verb.Action
	verb.Action = func(c *cli.Context) error {
		if most := strings.Count(verb.ArgsUsage, "["); c.NArg() > most {
			return &usage{fmt.Sprintf("%s: unexpected argument %q", verb.Name, c.Args().Get(most))}
		}
		return action(c)
	}
	return &verb
}

// group completes a verb that has verbs below it.
func group(verb cli.Command) *cli.Command {
	verb.OnUsageError = usageError
	verb.HideHelpCommand = true
	verb.Action = func(c *cli.Context) error {
		var names []string
		for _, below := range verb.Subcommands {
			names = append(names, below.Name)
		}
		what := strings.Join(names, ", ") + " is expected"
		if len(names) > 1 {
			what = "one of " + what
		}
		if !c.Args().Present() {
			return &usage{verb.Name + ": " + what}
		}
		name := c.Args().First()
		if meant := nearest(name, names); meant != "" {
			what = "did you mean " + meant + "?"
		}
		return &usage{fmt.Sprintf("%s: unknown verb %q, %s", verb.Name, name, what)}
	}
	return &verb
}

// session is what every verb works with.
type session struct {
	out     *ui.Output
	project *project.Project
	rate    *bucket.RateLimit // for all buckets together
	// sessions shares credentials and connections with other projects; nil shares nothing.
	sessions *bucket.Sessions
	// commandEnvironment is what a fleet gives to a source that is a command; nil outside of a fleet.
	commandEnvironment []string
	note               func(string) // for what the user should know although nothing failed
}

// open reads the settings of the project that the flags name.
func open(c *cli.Context) (*session, error) {
	s := &session{out: ui.Standard(c.Bool("quiet"), c.Bool("json"))}
	s.note = s.out.Note
	flags, err := assignments(c)
	if err != nil {
		return nil, err
	}
	for flag, name := range settingFlags {
		if c.IsSet(flag) {
			flags[name] = c.String(flag)
		}
	}
	s.project, err = project.Load(c.Context, project.Options{Dir: c.String("project"), Environ: environment(), Flags: flags})
	if err == nil {
		for _, note := range s.project.Notes {
			s.note(note)
		}
		s.rate = bucket.NewRateLimit(s.project.LimitRate)
	}
	return s, err
}

// assignments parses --set.
func assignments(c *cli.Context) (map[string]string, error) {
	flags := map[string]string{}
	for _, assignment := range c.StringSlice("set") {
		name, value, ok := strings.Cut(assignment, "=")
		if !ok {
			return nil, &usage{fmt.Sprintf("--set %s: NAME=VALUE is expected", name)}
		}
		flags[name] = value
	}
	return flags, nil
}

// confirm asks before replacing or deleting something, unless --yes was given.
func (s *session) confirm(c *cli.Context, question string) error {
	if c.Bool("yes") {
		return nil
	}
	agreed, err := s.out.Confirm(c.Context, question)
	switch {
	case errors.Is(err, ui.ErrNoAnswer):
		return errNotConfirmed
	case err != nil:
		return err
	case !agreed:
		return errDeclined
	}
	return nil
}
