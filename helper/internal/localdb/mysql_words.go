package localdb

import (
	"slices"
	"strings"
)

// Some of what MySQL and MariaDB do not know of one another is not hidden in a comment, or in one that the other one reads too: it is an
// error of syntax there. A table comes without it, and the user reads so.

// adapt cuts out of a statement about a table what the server does not know, and puts its own words in the place of others.
func (w *rewriter) adapt(s *statement) *statement {
	if s.kind == "INDEX" && s.verb == "CREATE" {
		if w.server.mariadb && s.onExpression(element{0, len(s.tokens)}) {
			w.lacks(s.nameAfter("ON"), "key "+s.nameAfter("INDEX"), keyOnExpression)
			return parse(nil)
		}
		return s
	}
	if s.kind != "TABLE" || s.verb != "CREATE" && s.verb != "ALTER" {
		return s
	}
	elements, behind := s.elements()
	if s.verb == "ALTER" {
		elements, behind = s.alterations(), len(s.tokens)
	}
	var changes edits
	kept := 0
	for _, e := range elements {
		if w.server.mariadb && s.onExpression(e) {
			start, end := s.tokens[e.first].Start, s.tokens[e.last-1].End
			if e.last < len(s.tokens) {
				end = s.tokens[e.last].Start // with the mark that ends a comment
			}
			if kept > 0 {
				start = s.tokens[e.first-1].Start
			} else if s.symbol(e.last, ',') {
				end = s.tokens[e.last].End
			}
			changes.replace(start, end, "")
			w.lacks(s.made(), "key "+s.keyName(e), keyOnExpression)
			continue
		}
		kept++
		w.adaptElement(s, e, &changes)
	}
	if kept == 0 && len(changes) > 0 && s.verb == "ALTER" {
		return parse(nil)
	}
	for i := behind; i < len(s.tokens) && w.server.mariadb && s.verb == "CREATE"; i++ {
		if value := s.value(i + 1); s.word(i) == "COMPRESSION" && s.isText(value) {
			changes.replace(s.tokens[i].Start, s.tokens[value].End, "")
			w.lacks(s.made(), "", "COMPRESSION")
		}
	}
	if len(changes) == 0 {
		return s
	}
	return parse(changes.apply(s.text))
}

// keyOnExpression is what a key is called that has an expression in the place of a column.
const keyOnExpression = "a key on an expression"

// lacks tells the user what a table comes without.
func (w *rewriter) lacks(table, element, what string) {
	where := "table " + table
	if element != "" {
		where += ", " + element
	}
	w.once.about(where+what, where+": this server does not know "+what+", which is left out")
}

// adaptElement does so within a column or a key.
func (w *rewriter) adaptElement(s *statement, e element, changes *edits) {
	isKey := s.isKey(e)
	if !w.server.mariadb {
		for i := e.first; i < e.last && isKey; i++ {
			if s.word(i) == "IGNORED" && s.symbol(i-1, ')') {
				changes.replace(s.tokens[i].Start, s.tokens[i].End, "INVISIBLE")
			}
		}
		return
	}
	if !isKey && s.word(e.first+1) == "GEOMCOLLECTION" {
		changes.replace(s.tokens[e.first+1].Start, s.tokens[e.first+1].End, "GEOMETRYCOLLECTION")
	}
	for _, c := range s.conditionals() {
		if c.first < e.first || c.last > e.last || w.server.skips(c) {
			continue
		}
		if !isKey && (s.word(c.first) == "STORAGE" || s.word(c.first) == "COLUMN_FORMAT") || isKey && s.words(c.first, "WITH", "PARSER") {
			changes.replace(c.start, c.end, "")
			what := s.describe(e)
			if isKey {
				what = "key " + s.keyName(e)
			}
			w.lacks(s.made(), what, strings.TrimSpace(string(s.text[s.tokens[c.first].Start:s.tokens[c.last-1].End])))
		}
	}
}

// isKey says whether an element, or what an alteration adds, is a key.
func (s *statement) isKey(e element) bool { return s.keyWord(e) >= 0 }

// keyWord gives the first token of a key's definition behind ADD and the name of its constraint; -1 where the element is none.
func (s *statement) keyWord(e element) int {
	i := e.first
	if s.word(i) == "ADD" {
		i++
	}
	if s.word(i) == "CONSTRAINT" {
		if i++; !slices.Contains(keyWords, s.word(i)) {
			i++
		}
	}
	if slices.Contains(keyWords, s.word(i)) {
		return i
	}
	return -1
}

var keyWords = []string{"KEY", "INDEX", "UNIQUE", "FULLTEXT", "SPATIAL"}

// keyName is what a key is called.
func (s *statement) keyName(e element) string {
	i := s.keyWord(e)
	for slices.Contains(keyWords, s.word(i)) {
		i++
	}
	return s.nameAt(i)
}

// onExpression says whether an element is a key that has an expression among its columns.
func (s *statement) onExpression(e element) bool {
	i := e.first
	if s.verb != "CREATE" || s.kind != "INDEX" {
		if i = s.keyWord(e); i < 0 {
			return false
		}
	}
	depth := 0
	for ; i < e.last; i++ {
		switch {
		case s.symbol(i, '('):
			if depth++; depth == 2 && (s.symbol(i-1, '(') || s.symbol(i-1, ',')) {
				return true
			}
		case s.symbol(i, ')'):
			depth--
		}
	}
	return false
}

// alterations are the parts of an ALTER TABLE between its commas.
func (s *statement) alterations() (all []element) {
	from := s.find("TABLE") + 2
	for s.symbol(from, '.') {
		from += 2
	}
	depth := 0
	for i := from; i <= len(s.tokens); i++ {
		switch {
		case s.symbol(i, '('):
			depth++
		case s.symbol(i, ')'):
			depth--
		case i == len(s.tokens) || s.symbol(i, ',') && depth == 0:
			if i > from {
				all = append(all, element{from, i})
			}
			from = i + 1
		}
	}
	return all
}

// nameAfter gives the name behind a word, without its database's.
func (s *statement) nameAfter(word string) string {
	at := s.find(word) + 1
	for s.symbol(at+1, '.') {
		at += 2
	}
	return s.nameAt(at)
}
