package rewrite

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Optional is a part of a table's definition without which the table holds the same rows: a check, or a default that is an
// expression. Its functions may be unknown to a server.
type Optional struct {
	Where string // "table t, column c", for notes
	Text  string // as it stands in the definition
	start int
	end   int
}

// Optionals returns the optional parts of a CREATE TABLE, in their order.
func (s *Statement) Optionals() []Optional {
	if s.Kind != "TABLE" || s.Verb != "CREATE" {
		return nil
	}
	elements, _ := s.elements()
	var all []Optional
	add := func(e element, first, last, start int) {
		all = append(all, Optional{
			Where: "table " + s.Made() + ", " + s.describe(e), Text: s.between(first, last), start: start, end: s.Tokens[last-1].End,
		})
	}
	for number, e := range elements {
		if check := s.findCheck(e); check >= 0 && !s.isColumn(e) {
			if number > 0 {
				add(e, e.first, e.last, s.Tokens[e.first-1].Start) // with the comma before it
			}
			continue
		}
		if !s.isColumn(e) {
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
	word := s.Kind
	if s.Find("BODY") == s.Find("PACKAGE")+1 {
		word = "BODY"
	}
	return strings.ToLower(s.Kind) + " " + s.nameAfter(word)
}
