// Package rowfilter knows which rows of a table are dumped, by the project's rules: those for which an SQL condition holds, and the
// newest ones of them.
package rowfilter

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// ErrCannotWork means that a rule for rows cannot be applied to a table of staging, or to how staging is read.
var ErrCannotWork = errors.New("a rule for rows cannot work")

// Rule is an entry under where or limit in the project's rules.
type Rule struct {
	Table  string // a pattern, in which * stands for any text and ? for any character
	Where  string // an SQL condition; empty for a limit
	Limit  int64  // rows; 0 for a condition
	Origin string // file:line
}

// list is the key under which the rule stands.
func (r Rule) list() string {
	if r.Where != "" {
		return "where"
	}
	return "limit"
}

// Filter is what the rules say about one table. The zero value lets all rows through.
type Filter struct {
	Conditions []Rule // all must hold
	Limit      Rule   // the smallest one; its Limit is 0 if there is none
}

// For returns the filter of a table that is known by these names.
func For(rules []Rule, names ...string) Filter {
	var f Filter
	for _, rule := range rules {
		switch {
		case !wildcard.MatchAny([]string{rule.Table}, names...):
		case rule.Where != "":
			f.Conditions = append(f.Conditions, rule)
		case f.Limit.Limit == 0 || rule.Limit < f.Limit.Limit:
			f.Limit = rule
		}
	}
	return f
}

// All reports whether the filter lets all rows through.
func (f Filter) All() bool { return len(f.Conditions) == 0 && f.Limit.Limit == 0 }

// Where returns the conditions as one term of SQL; "" if there are none. A comment at the end of one cannot swallow what follows.
func (f Filter) Where() string {
	terms := make([]string, len(f.Conditions))
	for i, rule := range f.Conditions {
		terms[i] = "(" + rule.Where + "\n)"
	}
	return strings.Join(terms, " AND ")
}

// Singly returns a filter for each of the conditions, so that the server can judge each by itself.
func (f Filter) Singly() []Filter {
	each := make([]Filter, len(f.Conditions))
	for i := range f.Conditions {
		each[i].Conditions = f.Conditions[i : i+1]
	}
	return each
}

// Rule returns the key and the pattern of the rule that decides first, for messages.
func (f Filter) Rule() (list, table string) {
	rule := f.Limit
	if len(f.Conditions) > 0 {
		rule = f.Conditions[0]
	}
	return rule.list(), rule.Table
}

// Refused returns the error of a condition, the first one, that the server does not understand. reason is what the server says.
func (f Filter) Refused(table, reason string) error {
	list, pattern := f.Rule()
	return &Error{Origin: f.Conditions[0].Origin, List: list, Rule: pattern, Table: table, Reason: reason}
}

// Error names the rule that cannot work. It is ErrCannotWork.
type Error struct {
	Origin, List, Rule string
	Table              string // as the database names it; empty if no table is to blame
	Reason             string
}

func (e *Error) Error() string {
	if e.Table == "" || e.Table == e.Rule {
		return fmt.Sprintf("%s: %s: %s: %s", e.Origin, e.List, e.Rule, e.Reason)
	}
	return fmt.Sprintf("%s: %s: %s: table %s: %s", e.Origin, e.List, e.Rule, e.Table, e.Reason)
}

// Is makes the error ErrCannotWork.
func (e *Error) Is(target error) bool { return target == ErrCannotWork }

// Unfiltered fails if there are rules and rows come from where no server applies them. how names that way of reading.
func Unfiltered(rules []Rule, how string) error {
	if len(rules) == 0 {
		return nil
	}
	r := rules[0]
	return &Error{Origin: r.Origin, List: r.list(), Rule: r.Table, Reason: "cannot be applied " + how}
}

// Unmatched returns a line for each rule that matches no table. matched are the names of all tables, as patterns know them.
func Unmatched(rules []Rule, tables [][]string) (lines []string) {
	for _, rule := range rules {
		found := false
		for _, names := range tables {
			found = found || wildcard.MatchAny([]string{rule.Table}, names...)
		}
		if !found {
			lines = append(lines, fmt.Sprintf("%s: %s: %s: there is no such table", rule.Origin, rule.list(), rule.Table))
		}
	}
	return lines
}
