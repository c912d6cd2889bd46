package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/spelling"
)

// usageError turns urfave/cli's error about a flag into a usage error.
func usageError(c *cli.Context, err error, _ bool) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if unknown {
		flags, below := c.App.Flags, c.App.Commands
		if c.Command != nil && c.Command.Name != "" && c.Command.Name != c.App.Name {
			flags, below = c.Command.Flags, c.Command.Subcommands
		}
		return &usage{unknownFlag(name, flags, below)}
	}
	if name, missing := strings.CutPrefix(err.Error(), "flag needs an argument: -"); missing {
		return &usage{"a value is expected after " + dashed(name)}
	}
	return &usage{err.Error()}
}

// unknownFlag says that there is no such flag, and which one was probably meant: one of the verb, or one of a verb below it.
func unknownFlag(name string, flags []cli.Flag, below []*cli.Command) string {
	own, theirs := flagNames(flags), verbFlags(below)
	text := "unknown flag " + dashed(name)
	if slices.Contains(theirs, name) {
		return dashed(name) + " is expected after the verb"
	}
	if meant := nearest(name, own); meant != "" {
		return text + ", did you mean " + dashed(meant) + "?"
	}
	if meant := nearest(name, theirs); meant != "" {
		return text + ", did you mean " + dashed(meant) + ", after the verb?"
	}
	return text
}

// unknownVerb says that there is no such verb, and which one was probably meant, which may be below another verb.
func unknownVerb(name string, verbs []*cli.Command) string {
	text := fmt.Sprintf("unknown verb %q", name)
	var names []string
	paths := map[string]string{}
	add := func(name, path string) {
		if _, known := paths[name]; !known {
			names, paths[name] = append(names, name), path
		}
	}
	for _, verb := range verbs {
		if !verb.Hidden {
			add(verb.Name, verb.Name)
		}
	}
	for _, verb := range verbs {
		for _, below := range subcommands(verb) {
			add(below.Name, verb.Name+" "+below.Name)
		}
	}
	if meant := nearest(name, names); meant != "" {
		return text + ", did you mean " + paths[meant] + "?"
	}
	return text
}

// verbFlags returns the names of the flags of verbs, and of the verbs below them.
func verbFlags(verbs []*cli.Command) (names []string) {
	for _, verb := range verbs {
		names = append(names, flagNames(verb.Flags)...)
		for _, below := range subcommands(verb) {
			names = append(names, flagNames(below.Flags)...)
		}
	}
	return names
}

// subcommands returns the verbs below a verb. The library's help is a global variable, and may be below itself.
func subcommands(verb *cli.Command) []*cli.Command {
	if verb.Name == "help" {
		return nil
	}
	return verb.Subcommands
}

func flagNames(flags []cli.Flag) (names []string) {
	for _, flag := range flags {
		names = append(names, flag.Names()...)
	}
	return names
}

// nearest returns the known name that was probably meant, "" if there is none: one that differs in few letters, or one that
// begins with the given name or continues it.
func nearest(name string, known []string) string {
	closest, wrong := spelling.Nearest(name, known)
	if wrong >= 0 && 3*wrong <= max(len(name), len(closest)) {
		return closest
	}
	const telling = 3 // letters
	for _, candidate := range known {
		short, long := min(len(name), len(candidate)), max(len(name), len(candidate))
		if short >= telling && long > short && strings.HasPrefix(name, candidate[:short]) && strings.HasPrefix(candidate, name[:short]) {
			return candidate
		}
	}
	if wrong >= 0 && 2*wrong <= len(name) {
		return closest
	}
	return ""
}

// dashed returns a flag as it is written.
func dashed(name string) string {
	name = strings.TrimLeft(name, "-")
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
