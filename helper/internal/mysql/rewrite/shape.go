package rewrite

import (
	"slices"
	"strings"
)

// TableShape is the table that statements define: columns, keys, constraints and options, with traits that can be
// compared whatever their spelling.
type TableShape struct {
	parts   []*TablePart
	Options map[string]Trait
}

// TablePart is a column, a key, a foreign key or a check.
type TablePart struct {
	Kind string // "column", "key", "foreign key", "constraint"
	Name string // "" if the server chooses it
	// Traits are the properties by name. A missing trait is absent. An unknown one was not specified by the
	// statement.
	Traits map[string]Trait
	// Columns of a key or a foreign key, in lower case.
	Columns []string
	// Unread means that some part was not understood.
	Unread bool
}

// Trait is a property, in a form to compare and in a form to read.
type Trait struct {
	Value, Text string
	Unknown     bool // it may have any value
}

// Describe names a part as notes do.
func (p *TablePart) Describe() string {
	if p.Kind == PrimaryKey {
		return PrimaryKey
	}
	return p.Kind + " " + p.Name
}

// The kinds of parts of a table.
const (
	ColumnPart  = "column"
	KeyPart     = "key"
	PrimaryKey  = "primary key"
	ForeignPart = "foreign key"
	CheckPart   = "constraint"
)

// Column finds a column by its name.
func (t *TableShape) Column(name string) *TablePart {
	for _, part := range t.parts {
		if part.Kind == ColumnPart && strings.EqualFold(part.Name, name) {
			return part
		}
	}
	return nil
}

// Of lists the parts of some kinds.
func (t *TableShape) Of(kinds ...string) (parts []*TablePart) {
	for _, part := range t.parts {
		if slices.Contains(kinds, part.Kind) {
			parts = append(parts, part)
		}
	}
	return parts
}

// Read reads a CREATE TABLE, an ALTER TABLE or a CREATE INDEX, and says whether it has understood all of it.
func (t *TableShape) Read(s *Statement) bool {
	switch {
	case s.Kind == "INDEX":
		return t.readIndex(s)
	case s.Verb == "ALTER":
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
	t.readOptions(s, behind, len(s.Tokens))
	return true
}

// readIndex reads CREATE UNIQUE INDEX k USING BTREE ON t (a).
func (t *TableShape) readIndex(s *Statement) bool {
	on := s.Find("ON")
	if s.Verb != "CREATE" || on < 0 {
		return false
	}
	for i := on; i < len(s.Tokens); i++ {
		if s.Symbol(i, '(') {
			key := &TablePart{Kind: KeyPart, Name: s.NameAt(s.Find("INDEX") + 1), Traits: map[string]Trait{"kind": keyKind(s.Word(1))}}
			key.readKey(s, i, len(s.Tokens))
			t.parts = append(t.parts, key)
			return true
		}
	}
	return false
}

// readAlter reads ALTER TABLE t ADD KEY …, MODIFY …, AUTO_INCREMENT=5.
func (t *TableShape) readAlter(s *Statement) bool {
	at := s.Find("TABLE") + 1
	for s.words(at, "IF") || s.words(at, "EXISTS") || s.Symbol(at+1, '.') {
		at++
		if s.Symbol(at, '.') {
			at++
		}
	}
	depth, from := 0, at+1
	for i := at + 1; i <= len(s.Tokens); i++ {
		switch {
		case s.Symbol(i, '('):
			depth++
		case s.Symbol(i, ')'):
			depth--
		case i == len(s.Tokens) || depth == 0 && s.Symbol(i, ','):
			if from < i && !t.readAlteration(s, element{from, i}) {
				return false
			}
			from = i + 1
		}
	}
	return true
}

func (t *TableShape) readAlteration(s *Statement, e element) bool {
	word, next := s.Word(e.first), e.first+1
	if (word == "ADD" || word == "MODIFY") && s.Word(next) == "COLUMN" {
		next++
	}
	switch word {
	case "ADD":
		return s.Word(next) != "PARTITION" && !s.Symbol(next, '(') && t.readElement(s, element{next, e.last})
	case "MODIFY":
		if t.Column(s.NameAt(next)) == nil {
			return false
		}
		is := func(p *TablePart) bool { return p.Kind == ColumnPart && strings.EqualFold(p.Name, s.NameAt(next)) }
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

// closing returns the token of the bracket that closes the one at a token.
func (s *Statement) closing(open int) int {
	depth := 0
	for i := open; i < len(s.Tokens); i++ {
		switch {
		case s.Symbol(i, '('):
			depth++
		case s.Symbol(i, ')'):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s.Tokens)
}

// between returns the text from one token to before another.
func (s *Statement) between(first, last int) string {
	if first >= last || last > len(s.Tokens) {
		return ""
	}
	return string(s.Text[s.Tokens[first].Start:s.Tokens[last-1].End])
}

// readElement reads one of the elements between the brackets of a table.
func (t *TableShape) readElement(s *Statement, e element) bool {
	if e.first >= e.last {
		return false
	}
	at, name := e.first, ""
	if s.Word(at) == "CONSTRAINT" {
		if at++; !slices.Contains([]string{"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"}, s.Word(at)) {
			name = s.NameAt(at)
			at++
		}
	}
	part := &TablePart{Name: name, Traits: map[string]Trait{}}
	word := s.Word(at)
	switch {
	case word == "PERIOD" && s.Word(at+1) == "FOR":
		return true
	case word == "CHECK" && s.Symbol(at+1, '('):
		part.Kind = CheckPart
		end := s.closing(at + 1)
		part.readCheck(s, at+1, end, s.words(end+1, "NOT", "ENFORCED"))
		t.parts = append(t.parts, part)
		return true
	case word == "FOREIGN" && s.Word(at+1) == "KEY":
		part.Kind = ForeignPart
		if at += 2; !s.Symbol(at, '(') {
			at++
		}
		if !part.readForeign(s, at, e.last) {
			return false
		}
		t.parts = append(t.parts, part)
		return true
	case slices.Contains([]string{"PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "KEY", "INDEX"}, word):
		part.Kind = KeyPart
		part.Traits["kind"] = keyKind(word)
		for ; slices.Contains([]string{"PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "KEY", "INDEX"}, s.Word(at)); at++ {
		}
		if word == "PRIMARY" {
			part.Kind, part.Name = PrimaryKey, ""
		} else if s.IsName(at) && s.Word(at) != "USING" {
			part.Name = s.NameAt(at)
		}
		for at < e.last && !s.Symbol(at, '(') {
			at++
		}
		part.readKey(s, at, e.last)
		t.parts = append(t.parts, part)
		return true
	}
	if !s.IsName(e.first) {
		return false
	}
	return t.readColumn(s, e)
}

func keyKind(word string) Trait {
	switch word {
	case "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR":
		return Trait{Value: word, Text: word}
	case "PRIMARY":
		return Trait{}
	}
	return Trait{Text: "not unique"}
}

// keyParts returns the columns and expressions of a key, which begins at a bracket, and where that is closed.
func (s *Statement) keyParts(open, last int) (parts []element, end int) {
	end = min(s.closing(open), last)
	for i, from, depth := open+1, open+1, 0; i <= end; i++ {
		switch {
		case i < end && s.Symbol(i, '('):
			depth++
		case i < end && s.Symbol(i, ')'):
			depth--
		case i == end || depth == 0 && s.Symbol(i, ','):
			parts = append(parts, element{from, i})
			from = i + 1
		}
	}
	return parts, end
}

// readKey reads the columns of a key, which begin at a bracket, and what follows them.
func (p *TablePart) readKey(s *Statement, open, last int) {
	parts, end := s.keyParts(open, last)
	var values []string
	for _, part := range parts {
		values = append(values, p.keyColumn(s, part.first, part.last))
	}
	p.Traits["columns"] = Trait{Value: strings.Join(values, ","), Text: s.between(open, end+1)}
	for i := end + 1; i < last; i++ {
		switch s.Word(i) {
		case "INVISIBLE", "IGNORED":
			p.Traits["visible"] = Trait{Value: "no", Text: s.Word(i)}
		case "NOT":
			i++ // NOT IGNORED
		case "COMMENT":
			p.Traits["comment"] = s.comment(s.value(i + 1))
			i++
		}
	}
}

// keyColumn reads one column of a key.
func (p *TablePart) keyColumn(s *Statement, first, last int) string {
	descending := ""
	if s.Word(last-1) == "DESC" {
		descending = " desc"
	}
	if s.Symbol(first, '(') {
		p.Columns = append(p.Columns, "")
		return "expression" + descending
	}
	column := strings.ToLower(s.NameAt(first))
	p.Columns = append(p.Columns, column)
	kind := p.Traits["kind"].Value
	if s.Symbol(first+1, '(') && kind != "SPATIAL" && kind != "FULLTEXT" {
		column += "(" + s.NameAt(first+2) + ")"
	}
	if s.Word(last-1) == "OVERLAPS" {
		column += " without overlaps"
	}
	return column + descending
}

// readForeign reads what follows FOREIGN KEY.
func (p *TablePart) readForeign(s *Statement, open, last int) bool {
	if !s.Symbol(open, '(') {
		return false
	}
	end := s.closing(open)
	p.Columns = s.namesBetween(open, end)
	if s.Word(end+1) != "REFERENCES" {
		return false
	}
	at := end + 2
	var to []string
	for ; s.IsName(at); at++ {
		if to = append(to, s.NameAt(at)); s.Symbol(at+1, '.') {
			at++
		}
	}
	if !s.Symbol(at, '(') || len(to) == 0 {
		return false
	}
	end = s.closing(at)
	p.Traits["columns"] = Trait{Value: strings.Join(p.Columns, ","), Text: s.between(open, s.closing(open)+1)}
	p.Traits["refers"] = Trait{Value: strings.Join(to, "."), Text: "REFERENCES " + strings.Join(to, ".")}
	p.Traits["refers columns"] = Trait{Value: strings.Join(s.namesBetween(at, end), ","), Text: "REFERENCES " + strings.Join(to, ".") + " " + s.between(at, end+1)}
	for i := end + 1; i < last; i++ {
		if s.Word(i) != "ON" {
			continue
		}
		event, action := s.Word(i+1), s.Word(i+2)
		if action == "SET" || action == "NO" {
			action += " " + s.Word(i+3)
		}
		if action != "RESTRICT" && action != "NO ACTION" {
			p.Traits["on "+event] = Trait{Value: action, Text: "ON " + event + " " + action}
		}
	}
	return true
}

// namesBetween returns the names between two brackets, in lower case.
func (s *Statement) namesBetween(open, end int) (names []string) {
	for i := open + 1; i < end; i++ {
		if s.IsName(i) {
			names = append(names, strings.ToLower(s.NameAt(i)))
		}
	}
	return names
}

// readCheck reads the condition of a check between two brackets.
func (p *TablePart) readCheck(s *Statement, open, end int, unenforced bool) {
	p.Traits["condition"] = Trait{Value: s.between(open, end+1), Text: "CHECK " + s.between(open, end+1)}
	if unenforced {
		p.Traits["enforced"] = Trait{Value: "no", Text: "NOT ENFORCED"}
	}
}

// comment reads a comment.
func (s *Statement) comment(at int) Trait {
	if !s.isText(at) || isEmptyText(s, at) {
		return Trait{}
	}
	return Trait{Value: Decoded(s, at), Text: "COMMENT " + s.between(at, at+1)}
}

func isEmptyText(s *Statement, at int) bool { return s.Tokens[at].End-s.Tokens[at].Start <= len("''") }

// Decoded returns the value of a text literal.
func Decoded(s *Statement, at int) string {
	raw := s.Text[s.Tokens[at].Start:s.Tokens[at].End]
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
