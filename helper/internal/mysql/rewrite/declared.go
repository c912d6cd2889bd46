package rewrite

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
)

// declared collects the statements of a dump that define each table, by the table's name.
type declared struct {
	Tables map[string][]string
	Names  []string // in the order of the dump
	// unread are tables with a statement that was not understood.
	unread map[string]bool
	// foreign means that the dump's text is not UTF-8; session is the same for the character set of SET NAMES.
	foreign, session bool
}

// meet collects a statement of the dump.
func (d *declared) meet(s *Statement) {
	switch {
	case s.Verb == "SET":
		d.meetSet(s)
	case s.Verb == "RENAME":
		for i := range s.Tokens {
			if s.IsName(i) {
				d.giveUp(s.NameAt(i))
			}
		}
	case s.Kind == "TABLE" && s.Verb == "CREATE":
		d.meetTable(s)
	case s.Kind == "TABLE" && s.Verb == "ALTER":
		d.add(s.TableName(), s)
	case s.Kind == "TABLE" && s.Verb == "DROP":
		for i := s.Find("TABLE") + 1; i < len(s.Tokens); i++ {
			if s.IsName(i) && !s.Symbol(i+1, '.') {
				delete(d.Tables, s.NameAt(i))
				delete(d.unread, s.NameAt(i))
			}
		}
	case s.Kind == "INDEX":
		if on := s.Find("ON"); on > 0 {
			for s.Symbol(on+2, '.') {
				on += 2
			}
			d.add(s.NameAt(on+1), s)
		}
	}
}

// meetSet follows the character set of the dump's text. A character set that is restored from a variable is that of
// SET NAMES.
func (d *declared) meetSet(s *Statement) {
	for i := range s.Tokens {
		if word := s.Word(i); word != "NAMES" && word != "CHARACTER_SET_CLIENT" || s.Symbol(i-1, '@') && s.Symbol(i+1, ',') {
			continue
		}
		value := s.value(i + 1)
		if value >= len(s.Tokens) {
			return
		}
		if s.Symbol(value, '@') {
			d.foreign = d.session
			return
		}
		charset := strings.ToLower(unquoted(s.Text, s.Tokens[value]))
		d.foreign = !slices.Contains([]string{"utf8", "utf8mb3", "utf8mb4", "default"}, charset)
		if s.Word(i) == "NAMES" {
			d.session = d.foreign
		}
		return
	}
}

func (d *declared) meetTable(s *Statement) {
	name, at := s.TableName(), s.Find("TABLE")
	_, known := d.Tables[name]
	switch {
	case s.Find("TEMPORARY") > 0 && s.Find("TEMPORARY") < at, known && s.words(at+1, "IF", "NOT", "EXISTS"):
		return
	}
	delete(d.Tables, name)
	delete(d.unread, name)
	d.add(name, s)
	// Created like another table, or from a query.
	if _, behind := s.elements(); behind == len(s.Tokens) && !s.Symbol(behind-1, ')') || s.words(behind, "SELECT") || s.words(behind, "AS") {
		d.giveUp(name)
	}
}

func (d *declared) add(table string, s *Statement) {
	text := s.declares
	if text == nil {
		text = s.Text
	}
	if d.Tables == nil {
		d.Tables, d.unread = map[string][]string{}, map[string]bool{}
	}
	if d.Tables[table] == nil {
		d.Names = append(d.Names, table)
	}
	if d.foreign && !literal.IsASCII(text) {
		d.unread[table] = true
	}
	d.Tables[table] = append(d.Tables[table], string(text))
}

// giveUp excludes a table from the comparison.
func (d *declared) giveUp(table string) {
	if d.unread != nil {
		d.unread[table] = true
	}
}

// Table returns the dump's definition of a table; nil if it was not understood.
func (d *declared) Table(name string) *TableShape {
	if d.unread[name] || len(d.Tables[name]) == 0 {
		return nil
	}
	shape := &TableShape{Options: map[string]Trait{}}
	for _, text := range d.Tables[name] {
		if !shape.Read(Parse([]byte(text))) {
			return nil
		}
	}
	return shape
}
