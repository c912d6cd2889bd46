package localdb

import (
	"slices"
	"strings"
)

// tableShape is what statements make of a table: columns, keys, constraints and options, each with traits that can be
// compared with those of another shape, however either is spelled.
type tableShape struct {
	parts   []*tablePart
	options map[string]trait
}

// tablePart is a column, a key, a foreign key or a check.
type tablePart struct {
	kind string // "column", "key", "foreign key", "constraint"
	name string // "" where the server gives one
	// traits are by what they are about. What is not there is absent; of what is "unknown", the statement does not say it.
	traits map[string]trait
	// columns of a key, or of a foreign key, in small letters
	columns []string
	// unread means that something of it is not understood.
	unread bool
}

// trait is a property as it is compared, and as people read it.
type trait struct {
	value, text string
	unknown     bool // it may have any value
}

// describe names a part as notes do.
func (p *tablePart) describe() string {
	if p.kind == primaryKey {
		return primaryKey
	}
	return p.kind + " " + p.name
}

const (
	columnPart, keyPart, primaryKey, foreignPart, checkPart = "column", "key", "primary key", "foreign key", "constraint"
)

// column finds a column by its name.
func (t *tableShape) column(name string) *tablePart {
	for _, part := range t.parts {
		if part.kind == columnPart && strings.EqualFold(part.name, name) {
			return part
		}
	}
	return nil
}

// of lists the parts of some kinds.
func (t *tableShape) of(kinds ...string) (parts []*tablePart) {
	for _, part := range t.parts {
		if slices.Contains(kinds, part.kind) {
			parts = append(parts, part)
		}
	}
	return parts
}

// read takes a CREATE TABLE, an ALTER TABLE or a CREATE INDEX, and says whether it has understood what that does.
func (t *tableShape) read(s *statement) bool {
	switch {
	case s.kind == "INDEX":
		return t.readIndex(s)
	case s.verb == "ALTER":
		return t.readAlter(s)
	}
	elements, behind := s.elements()
	if len(elements) == 0 {
		return false
	}
	for _, e := range elements {
		if !t.readElement(s, e) {
			return false
		}
	}
	t.readOptions(s, behind, len(s.tokens))
	return true
}

// readIndex takes CREATE UNIQUE INDEX k USING BTREE ON t (a).
func (t *tableShape) readIndex(s *statement) bool {
	on := s.find("ON")
	if s.verb != "CREATE" || on < 0 {
		return false
	}
	for i := on; i < len(s.tokens); i++ {
		if s.symbol(i, '(') {
			key := &tablePart{kind: keyPart, name: s.nameAt(s.find("INDEX") + 1), traits: map[string]trait{"kind": keyKind(s.word(1))}}
			key.readKey(s, i, len(s.tokens))
			t.parts = append(t.parts, key)
			return true
		}
	}
	return false
}

// readAlter takes ALTER TABLE t ADD KEY …, MODIFY …, AUTO_INCREMENT=5.
func (t *tableShape) readAlter(s *statement) bool {
	at := s.find("TABLE") + 1
	for s.words(at, "IF") || s.words(at, "EXISTS") || s.symbol(at+1, '.') {
		at++
		if s.symbol(at, '.') {
			at++
		}
	}
	depth, from := 0, at+1
	for i := at + 1; i <= len(s.tokens); i++ {
		switch {
		case s.symbol(i, '('):
			depth++
		case s.symbol(i, ')'):
			depth--
		case i == len(s.tokens) || depth == 0 && s.symbol(i, ','):
			if from < i && !t.readAlteration(s, element{from, i}) {
				return false
			}
			from = i + 1
		}
	}
	return true
}

func (t *tableShape) readAlteration(s *statement, e element) bool {
	word, next := s.word(e.first), e.first+1
	if (word == "ADD" || word == "MODIFY") && s.word(next) == "COLUMN" {
		next++
	}
	switch word {
	case "ADD":
		return s.word(next) != "PARTITION" && !s.symbol(next, '(') && t.readElement(s, element{next, e.last})
	case "MODIFY":
		if t.column(s.nameAt(next)) == nil {
			return false
		}
		is := func(p *tablePart) bool { return p.kind == columnPart && strings.EqualFold(p.name, s.nameAt(next)) }
		at := slices.IndexFunc(t.parts, is)
		before := len(t.parts)
		if !t.readElement(s, element{next, e.last}) || len(t.parts) == before {
			return false
		}
		t.parts[at] = t.parts[before]
		t.parts = slices.Delete(t.parts, before, before+1)
		return true
	case "ENABLE", "DISABLE", "ALGORITHM", "LOCK":
		return true
	case "AUTO_INCREMENT", "COMMENT", "ENGINE", "ROW_FORMAT":
		t.readOptions(s, e.first, e.last)
		return true
	}
	return false
}

// closing gives the token of the bracket that closes the one at a token.
func (s *statement) closing(open int) int {
	depth := 0
	for i := open; i < len(s.tokens); i++ {
		switch {
		case s.symbol(i, '('):
			depth++
		case s.symbol(i, ')'):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s.tokens)
}

// between gives the text from a token to another, which is the one behind.
func (s *statement) between(first, last int) string {
	if first >= last || last > len(s.tokens) {
		return ""
	}
	return string(s.text[s.tokens[first].Start:s.tokens[last-1].End])
}

// readElement takes one of the things between the brackets of a table.
func (t *tableShape) readElement(s *statement, e element) bool {
	if e.first >= e.last {
		return false
	}
	at, name := e.first, ""
	if s.word(at) == "CONSTRAINT" {
		if at++; !slices.Contains([]string{"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"}, s.word(at)) {
			name = s.nameAt(at)
			at++
		}
	}
	part := &tablePart{name: name, traits: map[string]trait{}}
	word := s.word(at)
	switch {
	case word == "PERIOD" && s.word(at+1) == "FOR":
		return true
	case word == "CHECK" && s.symbol(at+1, '('):
		part.kind = checkPart
		end := s.closing(at + 1)
		part.readCheck(s, at+1, end, s.words(end+1, "NOT", "ENFORCED"))
		t.parts = append(t.parts, part)
		return true
	case word == "FOREIGN" && s.word(at+1) == "KEY":
		part.kind = foreignPart
		if at += 2; !s.symbol(at, '(') {
			at++
		}
		if !part.readForeign(s, at, e.last) {
			return false
		}
		t.parts = append(t.parts, part)
		return true
	case slices.Contains([]string{"PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "KEY", "INDEX"}, word):
		part.kind = keyPart
		part.traits["kind"] = keyKind(word)
		for ; slices.Contains([]string{"PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "KEY", "INDEX"}, s.word(at)); at++ {
		}
		if word == "PRIMARY" {
			part.kind, part.name = primaryKey, ""
		} else if s.isName(at) && s.word(at) != "USING" {
			part.name = s.nameAt(at)
		}
		for at < e.last && !s.symbol(at, '(') {
			at++
		}
		part.readKey(s, at, e.last)
		t.parts = append(t.parts, part)
		return true
	}
	if !s.isName(e.first) {
		return false
	}
	return t.readColumn(s, e)
}

func keyKind(word string) trait {
	switch word {
	case "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR":
		return trait{value: word, text: word}
	case "PRIMARY":
		return trait{}
	}
	return trait{text: "not unique"}
}

// readKey takes the columns of a key, which begin at a bracket, and what follows them.
func (p *tablePart) readKey(s *statement, open, last int) {
	end := min(s.closing(open), last)
	var values []string
	from := open + 1
	for i, depth := open+1, 0; i <= end; i++ {
		switch {
		case i < end && s.symbol(i, '('):
			depth++
		case i < end && s.symbol(i, ')'):
			depth--
		case i == end || depth == 0 && s.symbol(i, ','):
			values = append(values, p.keyColumn(s, from, i))
			from = i + 1
		}
	}
	p.traits["columns"] = trait{value: strings.Join(values, ","), text: s.between(open, end+1)}
	for i := end + 1; i < last; i++ {
		switch s.word(i) {
		case "INVISIBLE", "IGNORED":
			p.traits["visible"] = trait{value: "no", text: s.word(i)}
		case "NOT":
			i++ // NOT IGNORED
		case "COMMENT":
			p.traits["comment"] = s.comment(s.value(i + 1))
			i++
		}
	}
}

// keyColumn takes one column of a key.
func (p *tablePart) keyColumn(s *statement, first, last int) string {
	descending := ""
	if s.word(last-1) == "DESC" {
		descending = " desc"
	}
	if s.symbol(first, '(') {
		p.columns = append(p.columns, "")
		return "expression" + descending
	}
	column := strings.ToLower(s.nameAt(first))
	p.columns = append(p.columns, column)
	kind := p.traits["kind"].value
	if s.symbol(first+1, '(') && kind != "SPATIAL" && kind != "FULLTEXT" {
		column += "(" + s.nameAt(first+2) + ")"
	}
	if s.word(last-1) == "OVERLAPS" {
		column += " without overlaps"
	}
	return column + descending
}

// readForeign takes what follows FOREIGN KEY.
func (p *tablePart) readForeign(s *statement, open, last int) bool {
	if !s.symbol(open, '(') {
		return false
	}
	end := s.closing(open)
	p.columns = s.namesBetween(open, end)
	if s.word(end+1) != "REFERENCES" {
		return false
	}
	at := end + 2
	var to []string
	for ; s.isName(at); at++ {
		if to = append(to, s.nameAt(at)); s.symbol(at+1, '.') {
			at++
		}
	}
	if !s.symbol(at, '(') || len(to) == 0 {
		return false
	}
	end = s.closing(at)
	p.traits["columns"] = trait{value: strings.Join(p.columns, ","), text: s.between(open, s.closing(open)+1)}
	p.traits["refers"] = trait{value: strings.Join(to, "."), text: "REFERENCES " + strings.Join(to, ".")}
	p.traits["refers columns"] = trait{value: strings.Join(s.namesBetween(at, end), ","), text: "REFERENCES " + strings.Join(to, ".") + " " + s.between(at, end+1)}
	for i := end + 1; i < last; i++ {
		if s.word(i) != "ON" {
			continue
		}
		event, action := s.word(i+1), s.word(i+2)
		if action == "SET" || action == "NO" {
			action += " " + s.word(i+3)
		}
		if action != "RESTRICT" && action != "NO ACTION" {
			p.traits["on "+event] = trait{value: action, text: "ON " + event + " " + action}
		}
	}
	return true
}

// namesBetween gives the names between two brackets, in small letters.
func (s *statement) namesBetween(open, end int) (names []string) {
	for i := open + 1; i < end; i++ {
		if s.isName(i) {
			names = append(names, strings.ToLower(s.nameAt(i)))
		}
	}
	return names
}

// readCheck takes the condition of a check between two brackets.
func (p *tablePart) readCheck(s *statement, open, end int, unenforced bool) {
	p.traits["condition"] = trait{value: s.between(open, end+1), text: "CHECK " + s.between(open, end+1)}
	if unenforced {
		p.traits["enforced"] = trait{value: "no", text: "NOT ENFORCED"}
	}
}

// comment takes a comment.
func (s *statement) comment(at int) trait {
	if !s.isText(at) || isEmptyText(s, at) {
		return trait{}
	}
	return trait{value: decoded(s, at), text: "COMMENT " + s.between(at, at+1)}
}

func isEmptyText(s *statement, at int) bool { return s.tokens[at].End-s.tokens[at].Start <= len("''") }

// decoded gives what a text stands for.
func decoded(s *statement, at int) string {
	raw := s.text[s.tokens[at].Start:s.tokens[at].End]
	if len(raw) < 2 {
		return string(raw)
	}
	quote := raw[0]
	raw = raw[1 : len(raw)-1]
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == quote:
			i++ // it is doubled
			out.WriteByte(quote)
		case raw[i] == '\\' && i+1 < len(raw):
			i++
			if at := strings.IndexByte("0bnrtZ", raw[i]); at >= 0 {
				out.WriteByte("\x00\b\n\r\t\x1a"[at])
			} else {
				out.WriteByte(raw[i])
			}
		default:
			out.WriteByte(raw[i])
		}
	}
	return out.String()
}
