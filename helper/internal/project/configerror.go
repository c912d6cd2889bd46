package project

import (
	"errors"
	"strings"
)

// The kinds of problems with a project's settings. errors.Is finds the kind of a ConfigError.
var (
	// ErrNoProject: no folder from the given one upwards has a .ddev/config.yaml.
	ErrNoProject = errors.New("no DDEV project")
	// ErrSyntax: a file cannot be read as what it should be, YAML or NAME=VALUE lines.
	ErrSyntax = errors.New("syntax")
	// ErrUnreadable: a file is there but cannot be read.
	ErrUnreadable = errors.New("unreadable file")
	// ErrUnknownName: a DUMP_ name, or a key of rules.yaml, that does not exist.
	ErrUnknownName = errors.New("unknown name")
	// ErrInvalidValue: a setting's value, or a table rule, that means nothing.
	ErrInvalidValue = errors.New("invalid value")
	// ErrPasswordExposed: a password where others can read it: in a config file that belongs to the
	// repository, or on a command line.
	ErrPasswordExposed = errors.New("exposed password")
	// ErrMissing: a setting that the task needs is not set.
	ErrMissing = errors.New("missing setting")
	// ErrPasswordUnavailable: DUMP_SOURCE_PASSWORD_FROM names a place that has no password to give.
	ErrPasswordUnavailable = errors.New("password not available")
)

// ConfigError is one thing that is wrong, and where. Its text never holds a secret.
type ConfigError struct {
	// Kind is one of this package's Err values.
	Kind error
	// Origin is where it was found, such as ".ddev/config.yaml:12", "environment" or "flag --target"; it may be empty.
	Origin string
	// Name is the setting or key; empty if there is none.
	Name string
	// Text says what is wrong.
	Text string
	// Nearest is the known name that was probably meant, for ErrUnknownName.
	Nearest string
	// Cause is the error below, if there is one.
	Cause error
}

// Error returns "ORIGIN: NAME: TEXT", without the parts that are empty.
func (p *ConfigError) Error() string {
	var parts []string
	for _, part := range []string{p.Origin, p.Name, p.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the kind and the cause.
func (p *ConfigError) Unwrap() []error {
	if p.Cause == nil {
		return []error{p.Kind}
	}
	return []error{p.Kind, p.Cause}
}

// ConfigErrors has everything that is wrong with a project, so that a user can fix it all at once. As an error it is never
// empty.
type ConfigErrors []*ConfigError

// Error returns one line for each problem.
func (ps ConfigErrors) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As see each problem.
func (ps ConfigErrors) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// err returns the problems as an error; nil if there are none.
func (ps ConfigErrors) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func (ps *ConfigErrors) add(kind error, from origin, name, text string) {
	*ps = append(*ps, &ConfigError{Kind: kind, Origin: from.String(), Name: name, Text: text})
}
