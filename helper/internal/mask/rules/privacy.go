package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// Privacy says what becomes of columns that nobody has classified: no rule masks them, and they are neither accepted nor reviewed.
type Privacy string

// The ways.
const (
	Off    Privacy = "off"    // they are published
	Report Privacy = "report" // they are published, and named
	Strict Privacy = "strict" // they are quarantined: published as NULL, or as the empty value of their type
)

// quarantine is the origin of rules for columns in quarantine.
const quarantine = "DUMP_PRIVACY=strict"

// ErrNoQuarantine means that a column that nobody has classified can be neither NULL nor empty.
var ErrNoQuarantine = errors.New("nobody has classified it, and it cannot be left empty")

// Looks reports whether columns are compared with the rules at all.
func (r Rules) Looks() bool { return r.Mask() || r.Privacy == Report }

// classified reports whether a column needs no more thought. Numbers and UUIDs in a unique key are what rows are known by.
func (r Rules) classified(table Table, column Column) bool {
	reviewed := func(pattern string) bool { return Rule{Column: pattern}.matches(table, column.Name) }
	switch {
	case r.Privacy != Report && r.Privacy != Strict, column.Generated, slices.ContainsFunc(r.Reviewed, reviewed):
		return true
	case column.Unique && (column.Kind == mask.Integer || column.Kind == mask.Decimal || column.Kind == mask.UUID):
		return true
	}
	return r.accepts(table, column.Name)
}

// isolate returns the rule for a column in quarantine.
func (r Rules) isolate(table Table, column Column) (Rule, error) {
	rule := Rule{Column: table.Name + "." + column.Name, Origin: quarantine}
	for _, name := range []string{"null", "empty"} {
		rule.Spec = mask.Spec{Name: name}
		if r.check(rule, table, column) == nil {
			return rule, nil
		}
	}
	return rule, ErrNoQuarantine
}

// QuarantinesTable reports whether a table that is known by these names is published without its rows: nobody has classified any of its columns.
func (r Rules) QuarantinesTable(names ...string) bool {
	if r.Privacy != Strict {
		return false
	}
	knows := func(pattern string) bool {
		table := pattern[:max(strings.LastIndexByte(pattern, '.'), 0)]
		return strings.Trim(table, "*?.") != "" && wildcard.MatchAny([]string{table}, names...) // *.name says nothing about a table
	}
	return !slices.ContainsFunc(r.Columns, func(rule Rule) bool { return knows(rule.Column) }) &&
		!slices.ContainsFunc(r.Accepted, func(a Accepted) bool { return knows(a.Column) }) && !slices.ContainsFunc(r.Reviewed, knows)
}

// mostNamed is how many columns a line names.
const mostNamed = 12

// unclassified says what becomes of the columns that nobody has classified; "" if there are none.
func (p *Plan) unclassified() string {
	if len(p.Unclassified) == 0 {
		return ""
	}
	names := strings.Join(p.Unclassified[:min(len(p.Unclassified), mostNamed)], ", ")
	if more := len(p.Unclassified) - mostNamed; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	if p.privacy == Strict {
		return "in quarantine, and published empty, since nobody has classified them: " + names
	}
	return "published, although nobody has classified them: " + names
}
