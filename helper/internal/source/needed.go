package source

import (
	"fmt"
	"strings"
)

// Need is something in the database that needs what a rule leaves out of the dump.
type Need struct {
	List  string // of the rules: exclude or structure_only
	Rule  string
	Table string // the table, view or sequence that the rule matches
	By    string // what needs it, in the server's words
}

// NeededError means that rules leave out what other parts of the dump need, so that nobody could restore it.
type NeededError struct{ Needs []Need }

func (e *NeededError) Error() string {
	var all []string
	for i := 0; i < len(e.Needs); {
		n, by := e.Needs[i], []string(nil)
		for ; i < len(e.Needs) && e.Needs[i].Table == n.Table && e.Needs[i].List == n.List; i++ {
			by = append(by, e.Needs[i].By)
		}
		what := n.Table
		if n.List == "structure_only" {
			what = "the rows of " + n.Table
		}
		rule := n.List
		if n.Rule != "" {
			rule = fmt.Sprintf("%q under %s", n.Rule, n.List)
		}
		all = append(all, fmt.Sprintf("%s leaves out %s, which others need: %s", rule, what, strings.Join(by, ", ")))
	}
	return strings.Join(all, "; ")
}

// Excludes reports whether a whole table is needed, and not only its rows.
func (e *NeededError) Excludes() bool {
	for _, n := range e.Needs {
		if n.List == "exclude" {
			return true
		}
	}
	return false
}
