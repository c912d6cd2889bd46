// Package rules says which columns are masked, and how. It compares rules with the columns that a database really has, before anything is
// read: a rule that cannot work there is an error.
package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// Rule masks the columns that it matches.
type Rule struct {
	// Column is table.column or schema.table.column, in which * stands for any text and ? for any character.
	Column string
	Spec   mask.Spec
	// When limits the rule to some rows; nil is all.
	When *When
	// Preset means that the rule is for many sites: it may match nothing, and where its masker cannot work, another one may.
	Preset bool `json:",omitempty"`
	// Origin is where the rule stands, such as FILE:LINE.
	Origin string
}

// When are the rows in which another column of the table has one of a few values.
type When struct {
	Column string
	Values []string // with * and ?
}

// Rules are all rules, and the key of the maskers. Of the rules for a column, the last counts whose rows these are.
type Rules struct {
	Columns  []Rule
	Accepted []Accepted
	Key      mask.Key
	// Privacy is for all other columns. Reviewed are those of them that somebody has looked at and found harmless, as in a Rule.
	Privacy  Privacy
	Reviewed []string
}

// Accepted is a column in which personal values may be.
type Accepted struct {
	Column string // as in a Rule
	Reason string
}

// Accepts has a line for each column in which personal values may be.
func (r Rules) Accepts() (lines []string) {
	for _, accepted := range r.Accepted {
		lines = append(lines, accepted.Column+": "+accepted.Reason)
	}
	return lines
}

// Mask reports whether values are replaced.
func (r Rules) Mask() bool { return len(r.Columns) > 0 || r.Privacy == Strict }

// Digest identifies what the rules make of rows, without giving away the key; "" if there are no rules.
func (r Rules) Digest() string {
	if !r.Mask() {
		return ""
	}
	rules := slices.Clone(r.Columns)
	for i := range rules {
		rules[i].Origin = ""
	}
	privacy, reviewed := r.Privacy, r.Reviewed
	if privacy != Strict { // what is reviewed changes no row
		privacy, reviewed = "", nil
	}
	text, err := json.Marshal(struct {
		Version  int
		Key      string
		Rules    []Rule
		Accepted []Accepted `json:",omitempty"`
		Privacy  Privacy    `json:",omitempty"`
		Reviewed []string   `json:",omitempty"`
	}{mask.Version, r.Key.ID(), rules, r.Accepted, privacy, reviewed})
	if err != nil {
		panic(err) // such values can be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ErrCannotWork means that a rule cannot work on a column.
var ErrCannotWork = errors.New("a rule cannot work")

// Error is what is wrong with a rule. It is an ErrCannotWork.
type Error struct {
	Rule   Rule
	Column string // as the database names it
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s: column %s: %v", e.Rule.Origin, e.Rule.Column, e.Column, e.Err)
}

// Unwrap returns ErrCannotWork and what is wrong.
func (e *Error) Unwrap() []error { return []error{ErrCannotWork, e.Err} }

// Table is a table whose rows are read.
type Table struct {
	Name    string
	Names   []string // by which rules may call it; Name is one of them
	Columns []Column
}

// Column is a column of a table.
type Column struct {
	Name string
	mask.Column
	Generated bool
	// Checked means that a CHECK constraint depends on the column, or in which partition a row lies.
	Checked bool
	// References are the columns that foreign keys refer to, as table.column with the tables' first names.
	References []string
}

// Plan is what is masked in a database.
type Plan struct {
	key    mask.Key
	tables map[string]*tablePlan
	// Unmatched are the rules that match no column.
	Unmatched []Rule
	// Left are the columns that a pattern of a preset matches, but that no masker can change, as table.column.
	Left []string
	// Unclassified are the columns that nobody has classified, as table.column. With Strict they are in quarantine.
	Unclassified []string
	privacy      Privacy
}

type tablePlan struct {
	columns map[string]planned
}

// planned has the rules of a column, the one that counts first.
type planned struct {
	description mask.Column
	rules       []Rule
}

// Compile compares rules with tables. The error joins one *Error for each rule and column that do not go together.
func (r Rules) Compile(tables []Table) (*Plan, error) {
	plan := &Plan{key: r.Key, tables: map[string]*tablePlan{}, privacy: r.Privacy}
	matched := make([]bool, len(r.Columns))
	var problems []*Error
	for _, table := range tables {
		for _, column := range table.Columns {
			found, errs := r.match(plan, table, column, matched)
			problems = append(problems, errs...)
			if len(found) == 0 && !r.classified(table, column) {
				plan.Unclassified = append(plan.Unclassified, table.Name+"."+column.Name)
				if r.Privacy == Strict {
					rule, err := r.isolate(table, column)
					if err != nil {
						problems = append(problems, &Error{rule, table.Name + "." + column.Name, err})
					}
					found = []Rule{rule}
				}
			}
			if len(found) == 0 {
				continue
			}
			if plan.tables[table.Name] == nil {
				plan.tables[table.Name] = &tablePlan{map[string]planned{}}
			}
			plan.tables[table.Name].columns[column.Name] = planned{column.Column, found}
		}
	}
	problems = append(problems, plan.foreignKeys(tables)...)
	slices.SortStableFunc(problems, func(a, b *Error) int { return cmp.Compare(r.position(a), r.position(b)) })
	for i, rule := range r.Columns {
		if !matched[i] && !rule.Preset {
			plan.Unmatched = append(plan.Unmatched, rule)
		}
	}
	errs := make([]error, len(problems))
	for i, problem := range problems {
		errs[i] = problem
	}
	return plan, errors.Join(errs...)
}

// position is the number of the rule that an error is about.
func (r Rules) position(e *Error) int {
	return slices.IndexFunc(r.Columns, func(rule Rule) bool { return rule.Origin == e.Rule.Origin && rule.Column == e.Rule.Column })
}

// match returns the rules of a column, the last one first.
func (r Rules) match(plan *Plan, table Table, column Column, matched []bool) (found []Rule, problems []*Error) {
	for _, rule := range slices.Backward(r.Columns) {
		if !rule.matches(table, column.Name) {
			continue
		}
		rule, err := r.fitting(rule, table, column)
		if err != nil && rule.Preset && rule.manyColumns() {
			plan.Left = append(plan.Left, table.Name+"."+column.Name)
			continue
		}
		if err != nil {
			problems = append(problems, &Error{rule, table.Name + "." + column.Name, err})
		}
		if found = append(found, rule); rule.When == nil {
			break // earlier ones do not count
		}
	}
	// What a rule before the last one says is not wrong, but it is no rule that matches nothing.
	for i, rule := range r.Columns {
		matched[i] = matched[i] || rule.matches(table, column.Name)
	}
	return found, problems
}

// Classifies reports whether a rule masks a column in all rows, or its values are accepted.
func (r Rules) Classifies(table Table, column string) bool {
	return slices.ContainsFunc(r.Columns, func(rule Rule) bool { return rule.When == nil && rule.matches(table, column) }) || r.accepts(table, column)
}

// accepts reports whether personal values may be in a column.
func (r Rules) accepts(table Table, column string) bool {
	return slices.ContainsFunc(r.Accepted, func(a Accepted) bool { return Rule{Column: a.Column}.matches(table, column) })
}

// ClassifiesWhen reports whether a rule masks a column in the rows in which another one has a value.
func (r Rules) ClassifiesWhen(table Table, column, other, value string) bool {
	return slices.ContainsFunc(r.Columns, func(rule Rule) bool {
		return rule.When != nil && rule.When.Column == other && rule.matches(table, column) && wildcard.MatchAny(rule.When.Values, value)
	})
}

// Suggest returns a masker that works on a column: the given one, or another one. It is false if none can.
func (r Rules) Suggest(table Table, column Column, spec mask.Spec) (mask.Spec, bool) {
	rule, err := r.fitting(Rule{Column: table.Name + "." + column.Name, Spec: spec, Preset: true}, table, column)
	if err == nil {
		return rule.Spec, true
	}
	for _, name := range []string{"digits", "null"} {
		spec = mask.Spec{Name: name}
		if r.check(Rule{Spec: spec}, table, column) == nil {
			return spec, true
		}
	}
	return spec, false
}

func (r Rule) matches(table Table, column string) bool {
	return slices.ContainsFunc(table.Names, func(name string) bool { return wildcard.Match(r.Column, name+"."+column) })
}

// manyColumns says whether a rule is for columns with any of many names.
func (r Rule) manyColumns() bool {
	return strings.ContainsAny(r.Column[strings.LastIndexByte(r.Column, '.')+1:], "*?")
}

// fitting returns a rule that can work on a column: the given one, or, if that is a preset's, one with another masker.
func (r Rules) fitting(rule Rule, table Table, column Column) (Rule, error) {
	err := r.check(rule, table, column)
	if err == nil || !rule.Preset {
		return rule, err
	}
	other := rule
	switch column.Kind {
	case mask.Text, mask.Binary:
		other.Spec = mask.Spec{Name: "hash"}
	case mask.Date, mask.DateTime:
		other.Spec = mask.Spec{Name: "date"}
	case mask.Other:
		other.Spec = mask.Spec{Name: "null"}
	default:
		return rule, err
	}
	if r.check(other, table, column) != nil {
		return rule, err
	}
	return other, nil
}

func (r Rules) check(rule Rule, table Table, column Column) error {
	switch {
	case column.Generated:
		return errors.New("the server computes it from other columns: mask those")
	case column.Checked && rule.Spec.Name != "null":
		return fmt.Errorf("a CHECK constraint or a partition depends on it, and %s may break it: only null cannot", rule.Spec.Name)
	case rule.When != nil && !slices.ContainsFunc(table.Columns, func(c Column) bool { return c.Name == rule.When.Column }):
		return fmt.Errorf("the table has no column %s, on which the rule depends", rule.When.Column)
	}
	_, err := mask.New(r.Key, rule.Spec, column.Column)
	return err
}

// foreignKeys finds columns that refer to one another and are not masked alike.
func (p *Plan) foreignKeys(tables []Table) (problems []*Error) {
	for _, table := range tables {
		for _, column := range table.Columns {
			for _, reference := range column.References {
				point := strings.LastIndexByte(reference, '.')
				from, to := p.rules(table.Name, column.Name), p.rules(reference[:point], reference[point+1:])
				if problem := differ(from, to, table.Name+"."+column.Name, reference); problem != nil {
					problems = append(problems, problem)
				}
			}
		}
	}
	return problems
}

func (p *Plan) rules(table, column string) planned {
	if plan := p.tables[table]; plan != nil {
		return plan.columns[column]
	}
	return planned{}
}

// differ returns an error if a column and the one that it refers to would have different values.
func differ(from, to planned, name, reference string) *Error {
	switch {
	case len(from.rules) == 0 && len(to.rules) == 0:
		return nil
	case len(from.rules) == 1 && from.rules[0].Spec.Name == "null" && len(to.rules) == 0:
		return nil
	case len(from.rules) == 0:
		return &Error{to.rules[0], reference, fmt.Errorf("a foreign key of %s refers to it: give that column the same masker", name)}
	case len(to.rules) == 0:
		return &Error{from.rules[0], name, fmt.Errorf("it is a foreign key to %s: give that column the same masker", reference)}
	}
	alike := func(r planned) string {
		limits := r.description
		limits.Unique, limits.Nullable, limits.UniquePrefix = false, false, 0
		return fmt.Sprintf("%d %+v %+v", len(r.rules), r.rules[0].Spec, limits)
	}
	if alike(from) != alike(to) {
		return &Error{from.rules[0], name, fmt.Errorf("it is a foreign key to %s, which has another masker, type or length", reference)}
	}
	return nil
}

// Columns lists what is masked, as table.column: masker.
func (p *Plan) Columns() []string {
	if p == nil {
		return nil
	}
	var all []string
	for table, plan := range p.tables {
		for column, planned := range plan.columns {
			var names []string
			for _, rule := range planned.rules {
				name := rule.Spec.Name
				if rule.Origin == quarantine {
					name += " (quarantine)"
				}
				names = append(names, name)
			}
			slices.Sort(names)
			all = append(all, table+"."+column+": "+strings.Join(slices.Compact(names), ", "))
		}
	}
	slices.Sort(all)
	return all
}

// BecomesNull reports whether a column is NULL in every row.
func (p *Plan) BecomesNull(table, column string) bool {
	if p == nil {
		return false
	}
	found := p.rules(table, column).rules
	return len(found) > 0 && found[0].When == nil && found[0].Spec.Name == "null"
}

// Tables are the tables of which something is masked.
func (p *Plan) Tables() []string {
	if p == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.tables))
}

// Needed are the columns of a table that are masked, and those that decide by which rule.
func (p *Plan) Needed(table string) []string {
	needed := slices.Collect(maps.Keys(p.tables[table].columns))
	for _, planned := range p.tables[table].columns {
		for _, rule := range planned.rules {
			if rule.When != nil {
				needed = append(needed, rule.When.Column)
			}
		}
	}
	slices.Sort(needed)
	return slices.Compact(needed)
}

// LongestRow is how long a row may be of which columns are masked, in bytes: it is kept in memory.
const LongestRow = 256 << 20

// ErrRowTooLong means that a row is longer than LongestRow.
var ErrRowTooLong = errors.New("a row is too long to be masked: exclude its table, or dump it without rows")

// Row masks the rows of a table. Only one goroutine at a time may use it.
type Row struct {
	columns [][]choice
}

// choice is a masker, and the rows that it is for.
type choice struct {
	mask.Masker
	spec   mask.Spec
	when   int // the number of the column that decides; -1 for all rows
	values []string

	quarantined bool
}

// Row returns what masks the rows of a table, whose values come in the order of the given columns. It is nil if nothing is masked.
func (p *Plan) Row(table string, columns []string) (*Row, error) {
	if p == nil || p.tables[table] == nil {
		return nil, nil
	}
	row := &Row{columns: make([][]choice, len(columns))}
	left := len(p.tables[table].columns)
	for i, name := range columns {
		planned, ok := p.tables[table].columns[name]
		if !ok {
			continue
		}
		left--
		for _, rule := range planned.rules {
			masker, err := mask.New(p.key, rule.Spec, planned.description)
			if err != nil {
				return nil, &Error{rule, table + "." + name, err}
			}
			c := choice{Masker: masker, spec: rule.Spec, when: -1, quarantined: rule.Origin == quarantine}
			if rule.When != nil {
				if c.when, c.values = slices.Index(columns, rule.When.Column), rule.When.Values; c.when < 0 {
					return nil, &Error{rule, table + "." + name, errors.New("the column on which it depends is not read")}
				}
			}
			row.columns[i] = append(row.columns[i], c)
		}
	}
	if left > 0 {
		return nil, fmt.Errorf("mask table %s: %d columns are gone", table, left)
	}
	return row, nil
}

// IsQuarantined reports whether a column, by its number, is in quarantine.
func (r *Row) IsQuarantined(column int) bool {
	return len(r.columns[column]) > 0 && r.columns[column][0].quarantined
}

// Masks reports whether a column, by its number, may be masked.
func (r *Row) Masks(column int) bool { return len(r.columns[column]) > 0 }

// Masker returns what masks a column in a row; nil if nothing does there. value returns the text of another column, false if it is NULL.
func (r *Row) Masker(column int, value func(column int) ([]byte, bool)) mask.Masker {
	masker, _ := r.Rule(column, value)
	return masker
}

// Rule is Masker, and says which masker that is.
func (r *Row) Rule(column int, value func(column int) ([]byte, bool)) (mask.Masker, mask.Spec) {
	for _, c := range r.columns[column] {
		if c.when < 0 {
			return c.Masker, c.spec
		}
		text, ok := value(c.when)
		if ok && slices.ContainsFunc(c.values, func(pattern string) bool { return wildcard.Match(pattern, string(text)) }) {
			return c.Masker, c.spec
		}
	}
	return nil, mask.Spec{}
}

// Warnings has a line for each rule that matches nothing.
func (p *Plan) Warnings() []string {
	var lines []string
	for _, rule := range p.Unmatched {
		lines = append(lines, cmp.Or(rule.Origin, "a rule")+": "+rule.Column+" matches no column")
	}
	if len(p.Left) > 0 {
		lines = append(lines, "the preset masks only texts and dates, so these columns are as they are: "+strings.Join(p.Left, ", "))
	}
	if line := p.unclassified(); line != "" {
		lines = append(lines, line)
	}
	return lines
}
