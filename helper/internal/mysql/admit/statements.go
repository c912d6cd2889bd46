package admit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// update judges an UPDATE of one table.
func (r *reader) update() error {
	for r.pass("LOW_PRIORITY", "IGNORE") {
	}
	if _, err := r.rowsOf(); err != nil {
		return err
	}
	if r.pass("AS") || r.peek(r.at).isName() && r.word(r.at) != "SET" {
		r.at++
	}
	if r.word(r.at) != "SET" {
		return errors.New("it changes more than one table")
	}
	return r.reading(r.at)
}

// remove judges a DELETE from one table.
func (r *reader) remove() error {
	for r.pass("LOW_PRIORITY", "QUICK", "IGNORE") {
	}
	if !r.pass("FROM") {
		return errors.New("it changes more than one table")
	}
	if _, err := r.rowsOf(); err != nil {
		return err
	}
	if !r.ended() && !slices.Contains([]string{"WHERE", "ORDER", "LIMIT"}, r.word(r.at)) {
		return r.unknown()
	}
	return r.reading(r.at)
}

// query judges a SELECT or a DO.
func (r *reader) query(verb string) error {
	if r.word(1) == "SETVAL" && r.symbol(2, '(') {
		r.at = 3
		if _, err := r.target(); err != nil {
			return err
		}
		return r.expression(r.at, len(r.tokens))
	}
	if verb == "DO" {
		return r.unknown()
	}
	return r.reading(1)
}

// reading judges what may read tables of the database and of information_schema, and call functions without effects.
func (r *reader) reading(from int) error {
	inFrom := false
	for i := from; i < len(r.tokens); i++ {
		t := r.tokens[i]
		switch upper := t.upper(); {
		case t.isSymbol(';'):
			return errors.New("it is more than one statement")
		case upper == "FROM" || upper == "JOIN":
			inFrom = true
		case upper == "INTO" && !r.symbol(i+1, '@'), upper == "TABLE", upper == "PROCEDURE", upper == "HANDLER", upper == "OUTFILE", upper == "DUMPFILE",
			upper == "NEXT", upper == "PREVIOUS":
			return fmt.Errorf("it has %s", upper)
		case t.isSymbol('(') && r.calls(i-1):
			return fmt.Errorf("it calls %s", excerpt(r.tokens[i-1].name()))
		case t.isName() && r.symbol(i+1, '.') && !r.symbol(i-1, '.') && r.isSource(i, inFrom):
			if database := t.name(); !strings.EqualFold(database, "information_schema") && database != r.judge.Database {
				return fmt.Errorf("it reads database %s", excerpt(database))
			}
		}
	}
	return nil
}

// calls says whether the token before a bracket is a function that may have effects.
func (r *reader) calls(i int) bool {
	t := r.peek(i)
	switch {
	case !t.isName() || i == 0:
		return false
	case r.symbol(i-1, '.'):
		return true
	case t.kind == quoted:
		return r.word(i-1) != "INTO" && r.word(i-1) != "AS" && r.word(i-1) != "USING"
	}
	return !functions[t.upper()] && !slices.Contains([]string{"SELECT", "UNION", "EXCEPT", "INTERSECT"}, t.upper())
}

// isSource says whether a qualified name can be that of a table.
func (r *reader) isSource(i int, inFrom bool) bool {
	before := i - 1
	for r.symbol(before, '(') || r.symbol(before, '{') {
		before--
	}
	return inFrom && (r.word(before) == "FROM" || r.word(before) == "JOIN" || r.word(before) == "STRAIGHT_JOIN" || r.word(before) == "OJ" || r.symbol(before, ','))
}

// objects are the kinds of things in a database.
var objects = []string{"TABLE", "TABLES", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "INDEX", "SEQUENCE", "PACKAGE"}

// drop judges a DROP.
func (r *reader) drop() error {
	r.pass("TEMPORARY", "ONLINE", "OFFLINE")
	found := r.word(r.at)
	if !r.pass(objects...) {
		return r.unknown()
	}
	if found == "PACKAGE" {
		r.pass("BODY")
	}
	if r.pass("IF") && !r.pass("EXISTS") {
		return r.unknown()
	}
	if found == "INDEX" {
		if r.at++; !r.pass("ON") {
			return r.unknown()
		}
		if _, err := r.rowsOf(); err != nil {
			return err
		}
		return r.definition(r.at, len(r.tokens), "")
	}
	for {
		name, err := r.target()
		if err != nil {
			return err
		}
		if found == "FUNCTION" && r.judge.Loadable[strings.ToUpper(name)] {
			return fmt.Errorf("it drops the server's function %s", excerpt(name))
		}
		if found == "TABLE" {
			delete(r.judge.elsewhere, strings.ToLower(name))
		}
		r.pass("RESTRICT", "CASCADE")
		if r.pass("WAIT", "NOWAIT") && r.peek(r.at).kind == number {
			r.at++
		}
		if r.ended() {
			return nil
		}
		if !r.symbol(r.at, ',') {
			return r.unknown()
		}
		r.at++
	}
}

// create judges a CREATE.
func (r *reader) create() error {
	for {
		switch found := r.word(r.at); {
		case r.pass("OR"):
			if !r.pass("REPLACE") {
				return r.unknown()
			}
		case r.pass("TEMPORARY", "UNIQUE", "FULLTEXT", "SPATIAL", "ONLINE", "OFFLINE", "AGGREGATE", "UNDEFINED", "MERGE", "TEMPTABLE", "VECTOR"):
		case found == "ALGORITHM" && r.symbol(r.at+1, '='):
			r.at += 2
		case found == "SQL" && r.word(r.at+1) == "SECURITY":
			r.at += 3
		case found == "DEFINER" && r.symbol(r.at+1, '='):
			if err := r.definer(); err != nil {
				return err
			}
		case found == "TABLE":
			return r.createTable()
		case found == "INDEX":
			return r.createIndex()
		case found == "SEQUENCE":
			return r.createSequence()
		case slices.Contains(objects, found):
			return r.createObject()
		case r.ended():
			return nil // the rest is in comments that this reading leaves out
		default:
			return r.unknown()
		}
	}
}

// definer passes DEFINER = user@host.
func (r *reader) definer() error {
	r.at += 2
	if t := r.peek(r.at); !t.isName() && t.kind != text {
		return r.unknown()
	}
	r.at++
	switch {
	case r.symbol(r.at, '@'):
		r.at += 2
	case r.symbol(r.at, '('): // CURRENT_USER()
		r.at += 2
	}
	return nil
}

// createObject judges what makes a view, trigger, routine, package or event. Nothing of it runs while a dump is loaded, so its body may
// be anything.
func (r *reader) createObject() error {
	found := r.word(r.at)
	r.at++
	if found == "PACKAGE" {
		r.pass("BODY")
	}
	for r.pass("IF", "NOT", "EXISTS") {
	}
	if r.ended() {
		return nil
	}
	name, err := r.target()
	if err != nil {
		return err
	}
	switch found {
	case "TRIGGER":
		for !r.ended() && !r.pass("ON") {
			r.at++
		}
		if r.ended() {
			return nil
		}
		if _, err := r.target(); err != nil {
			return err
		}
	case "FUNCTION":
		for i := r.at; i < len(r.tokens); i++ {
			if r.word(i) == "SONAME" && r.peek(i+1).kind == text {
				return fmt.Errorf("it loads function %s from a library", excerpt(name))
			}
		}
	case "VIEW":
		if slices.ContainsFunc(r.tokens, func(t token) bool { return t.isSymbol(';') }) {
			return errors.New("it is more than one statement")
		}
	}
	return nil
}

func (r *reader) createIndex() error {
	r.at++
	for !r.ended() && !r.pass("ON") {
		if r.symbol(r.at, '(') {
			return r.unknown()
		}
		r.at++
	}
	if r.ended() {
		return nil
	}
	if _, err := r.rowsOf(); err != nil {
		return err
	}
	return r.definition(r.at, len(r.tokens), "")
}

func (r *reader) createSequence() error {
	r.at++
	for r.pass("IF", "NOT", "EXISTS") {
	}
	if _, err := r.target(); err != nil {
		return err
	}
	return r.definition(r.at, len(r.tokens), "")
}
