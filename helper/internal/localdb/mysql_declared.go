package localdb

import (
	"slices"
	"strings"
)

// declared keeps what a dump says of its tables, as it says it: the statements that make each of them, by its name.
type declared struct {
	tables map[string][]string
	names  []string // in the order of the dump
	// unread are tables of which a statement was met that is not understood.
	unread map[string]bool
	// foreign says that the dump's text is in another character set than UTF-8; session is that of SET NAMES.
	foreign, session bool
}

// meet takes a statement of the dump.
func (d *declared) meet(s *statement) {
	switch {
	case s.verb == "SET":
		d.meetSet(s)
	case s.verb == "RENAME":
		for i := range s.tokens {
			if s.isName(i) {
				d.giveUp(s.nameAt(i))
			}
		}
	case s.kind == "TABLE" && s.verb == "CREATE":
		d.meetTable(s)
	case s.kind == "TABLE" && s.verb == "ALTER":
		d.add(s.tableName(), s)
	case s.kind == "TABLE" && s.verb == "DROP":
		for i := s.find("TABLE") + 1; i < len(s.tokens); i++ {
			if s.isName(i) && !s.symbol(i+1, '.') {
				delete(d.tables, s.nameAt(i))
				delete(d.unread, s.nameAt(i))
			}
		}
	case s.kind == "INDEX":
		if on := s.find("ON"); on > 0 {
			for s.symbol(on+2, '.') {
				on += 2
			}
			d.add(s.nameAt(on+1), s)
		}
	}
}

// meetSet follows the character set of the dump's text. What a variable has kept is that of SET NAMES.
func (d *declared) meetSet(s *statement) {
	for i := range s.tokens {
		if word := s.word(i); word != "NAMES" && word != "CHARACTER_SET_CLIENT" || s.symbol(i-1, '@') && s.symbol(i+1, ',') {
			continue
		}
		value := s.value(i + 1)
		if value >= len(s.tokens) {
			return
		}
		if s.symbol(value, '@') {
			d.foreign = d.session
			return
		}
		charset := strings.ToLower(unquoted(s.text, s.tokens[value]))
		d.foreign = !slices.Contains([]string{"utf8", "utf8mb3", "utf8mb4", "default"}, charset)
		if s.word(i) == "NAMES" {
			d.session = d.foreign
		}
		return
	}
}

func (d *declared) meetTable(s *statement) {
	name, at := s.tableName(), s.find("TABLE")
	_, known := d.tables[name]
	switch {
	case s.find("TEMPORARY") > 0 && s.find("TEMPORARY") < at, known && s.words(at+1, "IF", "NOT", "EXISTS"):
		return
	}
	delete(d.tables, name)
	delete(d.unread, name)
	d.add(name, s)
	// Made like another table, or of a query.
	if _, behind := s.elements(); behind == len(s.tokens) && !s.symbol(behind-1, ')') || s.words(behind, "SELECT") || s.words(behind, "AS") {
		d.giveUp(name)
	}
}

func (d *declared) add(table string, s *statement) {
	text := s.declares
	if text == nil {
		text = s.text
	}
	if d.tables == nil {
		d.tables, d.unread = map[string][]string{}, map[string]bool{}
	}
	if d.tables[table] == nil {
		d.names = append(d.names, table)
	}
	if d.foreign && !isASCII(text) {
		d.unread[table] = true
	}
	d.tables[table] = append(d.tables[table], string(text))
}

// giveUp has a table not be compared.
func (d *declared) giveUp(table string) {
	if d.unread != nil {
		d.unread[table] = true
	}
}

// table reads what the dump says of a table; nil where that is not understood.
func (d *declared) table(name string) *tableShape {
	if d.unread[name] || len(d.tables[name]) == 0 {
		return nil
	}
	shape := &tableShape{options: map[string]trait{}}
	for _, text := range d.tables[name] {
		if !shape.read(parse([]byte(text))) {
			return nil
		}
	}
	return shape
}
