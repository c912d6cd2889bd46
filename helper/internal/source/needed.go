package source

import (
	"fmt"
	"slices"
	"strings"
)

// Need is something in the database that needs what a rule leaves out of the dump.
type Need struct {
	List  string // of the rules: exclude, structure_only, where or limit
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
		switch n.List {
		case "structure_only":
			what = "the rows of " + n.Table
		case "where", "limit":
			what = "rows of " + n.Table
		}
		rule := n.List
		if n.Rule != "" {
			rule = fmt.Sprintf("%q under %s", n.Rule, n.List)
		}
		all = append(all, fmt.Sprintf("%s leaves out %s, which others need: %s", rule, what, strings.Join(by, ", ")))
	}
	return strings.Join(all, "; ")
}

// Filters reports whether single rows are needed.
func (e *NeededError) Filters() bool { return e.has("where") || e.has("limit") }

// Excludes reports whether a whole table is needed, and not only its rows.
func (e *NeededError) Excludes() bool { return e.has("exclude") }

func (e *NeededError) has(list string) bool {
	return slices.ContainsFunc(e.Needs, func(n Need) bool { return n.List == list })
}
