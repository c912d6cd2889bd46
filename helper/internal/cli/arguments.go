package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// interspersed moves a verb's flags before its arguments, because urfave/cli requires that order. People also write
// `dump-helper verify KEY --json`.
func interspersed(app *cli.App, args []string) []string {
	at := slices.IndexFunc(args[min(1, len(args)):], func(arg string) bool { return !strings.HasPrefix(arg, "-") }) + 1
	if at == 0 {
		return args
	}
	verb := app.Command(args[at])
	if verb == nil {
		return args
	}
	for at+1 < len(args) {
		below := verb.Command(args[at+1])
		if below == nil {
			break
		}
		verb, at = below, at+1
	}
	if len(verb.Subcommands) > 0 {
		return args
	}
	sorted := slices.Clone(args[:at+1])
	var plain []string
	rest := args[at+1:]
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case arg == "--":
			plain = append(plain, rest[i+1:]...)
			i = len(rest)
		case !strings.HasPrefix(arg, "-") || arg == "-":
			plain = append(plain, arg)
		default:
			sorted = append(sorted, arg)
			if takesValue(verb, arg) && i+1 < len(rest) {
				i++
				sorted = append(sorted, rest[i])
			}
		}
	}
	if len(plain) == 0 {
		return sorted
	}
	return append(append(sorted, "--"), plain...)
}

// takesValue reports whether the value of a flag is the next argument.
func takesValue(verb *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, flag := range verb.Flags {
		if slices.Contains(flag.Names(), name) {
			_, boolean := flag.(*cli.BoolFlag)
			return !boolean
		}
	}
	return false
}
