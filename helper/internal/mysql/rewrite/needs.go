package rewrite

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// NeedsReader finds out from the text of a dump what it needs of a server.
type NeedsReader struct {
	engines, types, charsets, collations, features set
}

// set is a set of words.
type set map[string]bool

func (s *set) add(word string) {
	if *s == nil {
		*s = set{}
	}
	if word != "" {
		(*s)[strings.ToLower(word)] = true
	}
}

func (s *set) list() []string { return slices.Sorted(maps.Keys(*s)) }

// Meet reads a piece of the dump's text. Rows may be left out.
func (r *NeedsReader) Meet(piece sqltext.Piece) {
	if piece.Kind != sqltext.Statement {
		return
	}
	if first := bytes.TrimLeft(piece.Text[:min(len(piece.Text), 64)], " \t\r\n"); len(first) >= 6 &&
		(bytes.EqualFold(first[:6], []byte("CREATE")) || bytes.EqualFold(first[:5], []byte("ALTER")) || bytes.HasPrefix(first, []byte("/*"))) {
		r.read(Parse(piece.Text))
	}
}

// Needs returns what has been found; nil if that is nothing.
func (r *NeedsReader) Needs() *dump.Needs {
	if r.engines == nil && r.types == nil && r.features == nil {
		return nil
	}
	return &dump.Needs{
		Engines: r.engines.list(), Types: r.types.list(), Charsets: r.charsets.list(), Collations: r.collations.list(),
		Features: r.features.list(),
	}
}

// featureOf names the objects besides tables.
var featureOf = map[string]string{
	"SEQUENCE": "sequences", "VIEW": "views", "TRIGGER": "triggers", "PROCEDURE": "routines", "FUNCTION": "routines", "PACKAGE": "packages", "EVENT": "events",
}

func (r *NeedsReader) read(s *Statement) {
	if s.Verb == "CREATE" && featureOf[s.Kind] != "" {
		r.features.add(featureOf[s.Kind])
		return
	}
	if s.Kind != "TABLE" && s.Kind != "INDEX" || s.Verb != "CREATE" && s.Verb != "ALTER" {
		return
	}
	r.readWords(s)
	elements, behind := s.elements()
	switch {
	case s.Kind == "INDEX":
		elements, behind = []element{{0, len(s.Tokens)}}, len(s.Tokens)
	case s.Verb == "ALTER":
		elements, behind = s.alterations(), len(s.Tokens)
		for i, e := range elements {
			elements[i] = s.definition(e)
		}
	}
	for _, e := range elements {
		r.readElement(s, e)
	}
	if behind >= len(s.Tokens) {
		return
	}
	shape := &TableShape{Options: map[string]Trait{}}
	shape.readOptions(s, behind, len(s.Tokens))
	r.engines.add(shape.Options["engine"].Value)
	if shape.Options["versioning"].Value != "" {
		r.features.add("system versioning")
	}
	if shape.Options["partition by"].Value != "" {
		r.features.add("partitions")
	}
}

// readWords reads the character sets and collations.
func (r *NeedsReader) readWords(s *Statement) {
	for i := range s.Tokens {
		value := s.value(i + 1)
		switch {
		case value >= len(s.Tokens):
		case s.Word(i) == "COLLATE":
			r.collations.add(unquoted(s.Text, s.Tokens[value]))
		case s.Word(i) == "CHARSET":
			r.charsets.add(unquoted(s.Text, s.Tokens[value]))
		case s.words(i, "CHARACTER", "SET") && s.value(i+2) < len(s.Tokens):
			r.charsets.add(unquoted(s.Text, s.Tokens[s.value(i+2)]))
		}
	}
}

func (r *NeedsReader) readElement(s *Statement, e element) {
	check := s.findCheck(e) >= 0
	switch {
	case s.onExpression(e):
		r.features.add("keys on expressions")
	case s.isKey(e) || s.Kind == "INDEX":
		for _, kind := range []string{"FULLTEXT", "SPATIAL"} {
			if slices.ContainsFunc([]int{e.first, e.first + 1}, func(i int) bool { return s.Word(i) == kind }) {
				r.features.add(strings.ToLower(kind) + " keys")
			}
		}
	case s.words(e.first, "PERIOD", "FOR"):
		r.features.add("periods")
	case s.isColumn(e):
		r.types.add(s.Word(e.first + 1))
		if s.computedBy(e) >= 0 {
			r.features.add("generated columns")
		}
		if s.findIn(e, "INVISIBLE") > 0 {
			r.features.add("invisible columns")
		}
		if at := s.findIn(e, "DEFAULT"); at > 0 && s.Symbol(at+1, '(') {
			r.features.add("expressions as defaults")
		}
		for i := e.first; i < e.last; i++ {
			if s.callsSequence(i) {
				r.features.add("sequences")
			}
		}
	}
	if check {
		r.features.add("checks")
	}
}

// computedBy returns the token of the bracket before a generated column's expression; -1 for another column.
func (s *Statement) computedBy(e element) int {
	if at := s.findIn(e, "AS"); at > 0 && s.Symbol(at+1, '(') {
		return at + 1
	}
	return -1
}
