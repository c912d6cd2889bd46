package rewrite

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Optional is a part of a table's definition without which the table holds the same rows: a check, or a default that is an
// expression, whose functions may be unknown to a server, its partitions, a key on a vector, the parser of a full-text key, and how its file is
// encrypted or compressed.
type Optional struct {
	Where string // "table t, column c", for notes
	Text  string // as it stands in the definition
	start int
	end   int
}

// Optionals returns the optional parts of a CREATE TABLE, in their order, and those of the columns in an ALTER TABLE.
func (s *Statement) Optionals() []Optional {
	if s.Kind != "TABLE" || s.Verb != "CREATE" && s.Verb != "ALTER" {
		return nil
	}
	elements, behind := s.elements()
	if s.Verb == "ALTER" {
		elements = s.alterations()
		for i, e := range elements {
			elements[i] = s.definition(e)
		}
	}
	var all []Optional
	add := func(e element, first, last, start int) {
		all = append(all, Optional{
			Where: "table " + s.Made() + ", " + s.describe(e), Text: s.between(first, last), start: start, end: s.Tokens[last-1].End,
		})
	}
	for number, e := range elements {
		if check := s.findCheck(e); check >= 0 && !s.isColumn(e) {
			if number > 0 && s.Verb == "CREATE" {
				add(e, e.first, e.last, s.Tokens[e.first-1].Start) // with the comma before it
			}
			continue
		}
		if s.isVectorKey(e) && number > 0 && s.Verb == "CREATE" {
			add(e, e.first, e.last, s.Tokens[e.first-1].Start) // as above
			continue
		}
		if !s.isColumn(e) {
			all = append(all, s.optionsOfKey(e)...)
			continue
		}
		if at := s.findIn(e, "DEFAULT"); at >= 0 {
			end := min(s.valueEnd(at+1), e.last)
			word := s.Word(at + 1)
			function := word != "" && word[0] >= 'A' && s.Symbol(at+2, '(') && !slices.Contains(nows, word)
			if s.Symbol(at+1, '(') || function {
				add(e, at, end, s.Tokens[at].Start)
			}
		}
		if check := s.findCheck(e); check >= 0 {
			first, last := check, s.closing(check+1)+1
			if s.Word(check-2) == "CONSTRAINT" {
				first = check - 2
			}
			add(e, first, min(last, e.last), s.Tokens[first].Start)
		}
	}
	part, is := s.partitions(behind)
	if s.Verb == "CREATE" {
		options := len(s.Tokens)
		if is {
			options = part.first
		}
		all = append(all, s.optionsOfFile(behind, options)...)
	}
	if is && s.Verb == "CREATE" {
		method := part.first
		for method < part.last && !(s.Symbol(method, '(') && s.Word(method+1) == "PARTITION") {
			method++
		}
		all = append(all, Optional{
			Where: "table " + s.Made(), Text: strings.Join(strings.Fields(s.between(part.first, method)), " "), start: s.Tokens[part.first].Start, end: s.Tokens[part.last-1].End,
		})
	}
	return all
}

// optionsOfKey returns what a key can do without: the parser of a full-text key, and the options of its storage engine.
func (s *Statement) optionsOfKey(e element) (all []Optional) {
	if !s.isKey(e) {
		return nil
	}
	for i := e.first; i < e.last; i++ {
		last := i + 2
		switch {
		case s.Symbol(i, '('):
			i = s.closing(i)
			continue
		case s.words(i, "WITH", "PARSER"):
		case s.Tokens[i].Kind == sqltext.QuotedName && s.Symbol(i+1, '='):
		default:
			continue
		}
		if last >= e.last {
			continue
		}
		all = append(all, Optional{
			Where: "table " + s.Made() + ", key " + s.keyName(e), Text: s.between(i, last+1), start: s.Tokens[i].Start, end: s.Tokens[last].End,
		})
		i = last
	}
	return all
}

// ofFile are the options of a table that say how its file is written.
var ofFile = []string{"ENCRYPTED", "ENCRYPTION_KEY_ID", "ENCRYPTION", "PAGE_COMPRESSED", "PAGE_COMPRESSION_LEVEL", "COMPRESSION"}

// optionsOfFile returns the options of a table without which it has the same rows: those of its file, and those of a storage engine, whose names
// MariaDB quotes.
func (s *Statement) optionsOfFile(first, last int) (all []Optional) {
	for i := first; i+1 < last; i++ {
		if s.Symbol(i, '(') {
			i = s.closing(i)
			continue
		}
		value := s.value(i + 1)
		if !s.IsName(i) || value >= last || s.Tokens[i].Kind != sqltext.QuotedName && !slices.Contains(ofFile, s.Word(i)) || s.Symbol(i-1, '=') {
			continue
		}
		if s.Tokens[i].Kind == sqltext.QuotedName && !s.Symbol(i+1, '=') {
			continue // the value of another option
		}
		all = append(all, Optional{Where: "table " + s.Made(), Text: s.between(i, value+1), start: s.Tokens[i].Start, end: s.Tokens[value].End})
		i = value
	}
	return all
}

// findCheck returns the word CHECK of an element; -1 if it has none.
func (s *Statement) findCheck(e element) int {
	for i := e.first; i < e.last; i++ {
		if s.Word(i) == "CHECK" && s.Symbol(i+1, '(') {
			return i
		}
		if s.Symbol(i, '(') {
			i = s.closing(i)
		}
	}
	return -1
}

// Without returns the statement without some of its optional parts.
func (s *Statement) Without(parts []Optional) *Statement {
	var cuts sqltext.Edits
	for _, part := range parts {
		cuts.Replace(part.start, part.end, "")
	}
	return Parse(cuts.Apply(s.Text))
}

// Alteration is one of the changes that an ALTER TABLE makes.
type Alteration struct {
	*Statement // makes this change alone
	Text       string
	// Optional means that the table holds the same rows without it.
	Optional bool
}

// Alterations returns the changes of an ALTER TABLE, in their order.
func (s *Statement) Alterations() (all []Alteration) {
	for _, e := range s.alterations() {
		text := s.between(e.first, e.last)
		added := s.Word(e.first) == "ADD" && s.findCheck(e) >= 0 && !s.isColumn(s.definition(e))
		sets := s.Word(e.first) == "ALTER" && s.findIn(e, "SET", "DEFAULT") >= 0
		all = append(all, Alteration{
			Statement: Parse([]byte("ALTER TABLE " + mysql.QuoteName(s.TableName()) + " " + text)), Text: text,
			Optional: added || sets || s.isOption(e) || s.isVectorKey(e),
		})
	}
	return all
}

// RedeclareAlteration notes that of the last ALTER TABLE of a table only these changes were made.
func (w *Rewriter) RedeclareAlteration(table string, made []*Statement) {
	known := w.Declared.Tables[table]
	w.Declared.Tables[table] = known[:max(len(known)-1, 0)]
	for _, s := range made {
		w.Declared.add(table, s)
	}
}

// Redeclare notes that a table was made by a statement that says less than the dump.
func (w *Rewriter) Redeclare(s *Statement) {
	delete(w.Declared.Tables, s.TableName())
	w.Declared.meet(s)
}

// Label names the view, trigger, routine or event that a statement makes: "view v"; "" for other statements.
func (s *Statement) Label() string {
	if s.Verb != "CREATE" || !slices.Contains([]string{"VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "SEQUENCE"}, s.Kind) {
		return ""
	}
	return strings.ToLower(s.Kind) + " " + s.ObjectName()
}

// ObjectName returns the name of the view, trigger, routine, event or package that a statement makes or drops.
func (s *Statement) ObjectName() string {
	word := s.Kind
	if s.Find("BODY") == s.Find("PACKAGE")+1 {
		word = "BODY"
	}
	return s.nameAfter(word)
}
