package fleet

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// Trust says what the files of a project's repository may decide.
type Trust string

const (
	// TrustTables lets them decide which tables are dumped, and for how long dumps are kept within bounds.
	TrustTables Trust = "tables"
	// TrustFull lets them decide everything: whoever may push to the repository acts as the operator of the fleet.
	TrustFull Trust = "full"
)

// ParseTrust parses what a flag or a file says.
func ParseTrust(text string) (Trust, error) {
	if trust := Trust(text); trust == TrustTables || trust == TrustFull {
		return trust, nil
	}
	return "", fmt.Errorf("tables or full is expected (got %q)", text)
}

// Bounds is what a repository's number must be in.
type Bounds struct{ Least, Most int }

// The bounds if fleet.yaml gives none. One dump alone would be no way back.
var (
	DefaultKeep     = Bounds{2, 1000}
	DefaultKeepDays = Bounds{1, 3660}
)

// Visible reports whether a project and the programs that run for it may see a variable of the fleet's environment. Those that
// the operator has not named are visible to projects that are trusted with everything, unless he has named others.
func (e Entry) Visible(name string) bool {
	if e.Environment == nil {
		return e.Trust == TrustFull
	}
	return e.names(name)
}

func (e Entry) names(name string) bool { return wildcard.MatchAny(e.Environment, name) }

// CommandEnvironment returns the environment of a command that makes a dump: what a program needs to run, and what the operator has named
// for the project.
func (e Entry) CommandEnvironment() []string {
	return chosen(func(name string) bool { return needed(name) || e.names(name) })
}

// needed reports whether nearly every program needs a variable.
func needed(name string) bool {
	switch name {
	case "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK":
		return true
	}
	return strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "XDG_")
}

// chosen returns the variables of this process with certain names.
func chosen(wanted func(name string) bool) []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return !wanted(name)
	})
}

var bounds = regexp.MustCompile(`^(\d+)-(\d+)$`)

// within reads bounds.
func (r *configReader) within(to *Bounds) func(*yaml.Node) {
	return func(node *yaml.Node) {
		match := bounds.FindStringSubmatch(node.Value)
		if match == nil {
			r.add(node, "a range such as 2-60 is expected (got "+strconv.Quote(node.Value)+")")
			return
		}
		to.Least, _ = strconv.Atoi(match[1])
		to.Most, _ = strconv.Atoi(match[2])
		if to.Least > to.Most {
			r.add(node, node.Value+": the first number is larger than the second")
		}
	}
}

// trust reads how far a project is trusted.
func (r *configReader) trust(to *Trust) func(*yaml.Node) {
	return func(node *yaml.Node) {
		trust, err := ParseTrust(node.Value)
		if err != nil {
			r.add(node, "trust: "+err.Error())
			return
		}
		*to = trust
	}
}

// remote matches the URLs that git fetches from another machine. Others read this machine's own files, as file:// and paths do, or
// run a command, as ext:: does.
var remote = regexp.MustCompile(`^(?:(?:https?|ssh|git|git\+ssh|ssh\+git)://[^-/]|[A-Za-z0-9_.][A-Za-z0-9_.@-]*:(?:[^:/]|/[^/]))`)

// checkRepository returns what is wrong with the URL of a project's repository. That is the project's problem alone: lists of repositories come
// from many people.
func (r *configReader) checkRepository(node *yaml.Node, entry Entry) error {
	if entry.Git == "" || entry.Trust == TrustFull || remote.MatchString(entry.Git) {
		return nil
	}
	return &ConfigError{File: r.file, Line: node.Line, Text: fmt.Sprintf("git: %s is not on another machine (https:// or ssh://); add `trust: full` if you mean it", entry.Git)}
}
