package rewrite

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Some features that MySQL and MariaDB do not share are not hidden in a comment, or in one that the other one reads
// too. They would be syntax errors there. The table is loaded without them, and a note says so.

// Adapt removes from a statement about a table what the server does not know, and uses the server's own words where
// it has them.
func (w *Rewriter) Adapt(s *Statement) *Statement {
	if s.Kind == "INDEX" && s.Verb == "CREATE" {
		if w.Server.IsMariaDB() && s.onExpression(element{0, len(s.Tokens)}) {
			w.putOff(s, s.nameAfter("ON"), element{0, len(s.Tokens)})
			return Parse(nil)
		}
		return s
	}
	if s.Kind != "TABLE" || s.Verb != "CREATE" && s.Verb != "ALTER" {
		return s
	}
	elements, behind := s.elements()
	if s.Verb == "ALTER" {
		elements, behind = s.alterations(), len(s.Tokens)
	}
	var changes sqltext.Edits
	kept := 0
	unversioned := w.unversion(s, elements, behind, &changes)
	for _, e := range elements {
		putOff := w.Server.IsMariaDB() && s.onExpression(e)
		what := w.unknownElement(s, e, elements)
		if !putOff && what == "" {
			kept++
			w.adaptElement(s, s.definition(e), &changes)
			continue
		}
		start, end := s.Tokens[e.first].Start, s.Tokens[e.last-1].End
		if e.last < len(s.Tokens) {
			end = s.Tokens[e.last].Start // including the end of the comment
		}
		if kept > 0 {
			start = s.Tokens[e.first-1].Start
		} else if s.Symbol(e.last, ',') {
			end = s.Tokens[e.last].End
		}
		changes.Replace(start, end, "")
		if putOff {
			w.putOff(s, s.Made(), e)
			continue
		}
		named := ""
		switch {
		case s.isKey(e):
			named = "key " + s.keyName(e)
		case s.withoutOverlaps(e):
			named = "primary key"
		}
		if !unversioned || named != "" {
			w.lacks(s.Made(), named, what)
		}
	}
	if kept == 0 && len(changes) > 0 && s.Verb == "ALTER" {
		return Parse(nil)
	}
	if s.Verb == "CREATE" {
		w.adaptOptions(s, element{behind, len(s.Tokens)}, &changes)
	}
	if len(changes) == 0 {
		return s
	}
	return Parse(changes.Apply(s.Text))
}

// The versions of MariaDB that first had periods of applications, keys without overlaps, and unique keys on whole texts.
const (
	knowsPeriods  = 100403
	knowsOverlaps = 100503
	knowsLongKeys = 100400
)

// unknownElement names an element of a table without which the server has to make it; "" for all others.
func (w *Rewriter) unknownElement(s *Statement, e element, all []element) string {
	isKey := s.isKey(e)
	switch {
	case s.isOption(e) && w.unknownOptions(s, e):
		return s.between(e.first, e.last)
	case !w.Server.Since(knowsOverlaps, 0) && s.withoutOverlaps(e): // a primary key, too: without this part it would not be unique
		return "WITHOUT OVERLAPS"
	case !w.versions() && (s.isRowTime(e) || s.words(e.first, "PERIOD", "FOR", "SYSTEM_TIME")):
		return s.between(e.first, e.last)
	case s.words(e.first, "PERIOD", "FOR") && s.Word(e.first+2) != "SYSTEM_TIME" && !w.Server.Since(knowsPeriods, 0):
		return s.between(e.first, e.last)
	case isKey && s.Word(s.keyWord(e)) == "UNIQUE" && !w.Server.Since(knowsLongKeys, 0) && s.onWholeText(e, all):
		return "a unique key on a whole text"
	}
	return ""
}

// withoutOverlaps says whether a key is one for periods that do not overlap.
func (s *Statement) withoutOverlaps(key element) bool {
	for i := key.first; i < key.last; i++ {
		if s.words(i, "WITHOUT", "OVERLAPS") {
			return true
		}
	}
	return false
}

// onWholeText says whether a column of a key is a TEXT or a BLOB, of which the key names no prefix.
func (s *Statement) onWholeText(key element, all []element) bool {
	texts := map[string]bool{}
	for _, e := range all {
		if s.isColumn(e) && slices.Contains(wholeTexts, s.Word(e.first+1)) {
			texts[strings.ToLower(s.NameAt(e.first))] = true
		}
	}
	open := s.keyWord(key)
	for open < key.last && !s.Symbol(open, '(') {
		open++
	}
	for i := open + 1; i < key.last && !s.Symbol(i, ')'); i++ {
		if s.IsName(i) && texts[strings.ToLower(s.NameAt(i))] && !s.Symbol(i+1, '(') {
			return true
		}
		if s.Symbol(i, '(') {
			i = s.closing(i)
		}
	}
	return false
}

// lacks notes what a table is loaded without.
func (w *Rewriter) lacks(table, element, what string) {
	where := "table " + table
	if element != "" {
		where += ", " + element
	}
	w.Once.Lose(where+what, where+": this server does not know "+what+", which is left out")
}

// adaptElement does the same within a column or a key.
func (w *Rewriter) adaptElement(s *Statement, e element, changes *sqltext.Edits) {
	isKey := s.isKey(e)
	w.adaptVisibility(s, e, isKey, changes)
	if s.isOption(e) {
		w.adaptOptions(s, e, changes)
		return
	}
	if !isKey && s.isColumn(e) {
		w.adaptType(s, e, changes)
		w.adaptDefault(s, e, changes)
	}
	if !w.Server.IsMariaDB() {
		return
	}
	if !isKey && s.Word(e.first+1) == "GEOMCOLLECTION" {
		changes.Replace(s.Tokens[e.first+1].Start, s.Tokens[e.first+1].End, "GEOMETRYCOLLECTION")
	}
	for _, c := range s.conditionals() {
		if c.first < e.first || c.last > e.last || !w.Server.Executes(c.Comment) {
			continue
		}
		if !isKey && (s.Word(c.first) == "STORAGE" || s.Word(c.first) == "COLUMN_FORMAT") || isKey && s.words(c.first, "WITH", "PARSER") {
			changes.Replace(c.start, c.end, "")
			what := s.describe(e)
			if isKey {
				what = "key " + s.keyName(e)
			}
			w.lacks(s.Made(), what, strings.TrimSpace(string(s.Text[s.Tokens[c.first].Start:s.Tokens[c.last-1].End])))
		}
	}
}

// definition returns the part of an element that begins with the column that it defines. An alteration has words before it.
func (s *Statement) definition(e element) element {
	at := e.first
	switch {
	case s.Verb != "ALTER":
		return e
	case s.Word(at) != "ADD" && s.Word(at) != "MODIFY" && s.Word(at) != "CHANGE":
		return e
	}
	changes := s.Word(at) == "CHANGE"
	for at++; slices.Contains([]string{"COLUMN", "IF", "NOT", "EXISTS"}, s.Word(at)); at++ {
	}
	if changes {
		at++ // the former name
	}
	if column := (element{min(at, e.last), e.last}); s.isColumn(column) {
		return column
	}
	return e
}

// isOption says whether an alteration is about the options of the table.
func (s *Statement) isOption(e element) bool {
	return s.Verb == "ALTER" && s.IsName(e.first) && (s.Symbol(e.first+1, '=') || slices.Contains(optionsOfMySQL, s.Word(e.first)))
}

// isColumn says whether an element defines a column.
func (s *Statement) isColumn(e element) bool {
	if !s.IsName(e.first) || e.first >= e.last {
		return false
	}
	if before := s.Word(e.first - 1); s.Verb == "ALTER" && !slices.Contains([]string{"ADD", "MODIFY", "COLUMN", "EXISTS"}, before) && s.Word(e.first-2) != "CHANGE" && s.Word(e.first-3) != "CHANGE" {
		return false
	}
	if s.isVectorKey(e) {
		return false
	}
	return s.Tokens[e.first].Kind == sqltext.QuotedName || !slices.Contains(append(keyWords, "CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK", "PERIOD", "LIKE"), s.Word(e.first))
}

// isVectorKey says whether an element, or what an alteration adds, is a key on a vector, which servers have had since MariaDB 11.7.
func (s *Statement) isVectorKey(e element) bool {
	at := e.first
	if s.Word(at) == "ADD" {
		at++
	}
	return s.words(at, "VECTOR", "KEY") || s.words(at, "VECTOR", "INDEX")
}

// isKey says whether an element, or what an alteration adds, is a key.
func (s *Statement) isKey(e element) bool { return s.keyWord(e) >= 0 }

// keyWord returns the first token of a key's definition after ADD and the constraint's name; -1 if the element is not
// a key.
func (s *Statement) keyWord(e element) int {
	i := e.first
	if s.Word(i) == "ADD" {
		i++
	}
	if s.Word(i) == "CONSTRAINT" {
		if i++; !slices.Contains(keyWords, s.Word(i)) {
			i++
		}
	}
	if slices.Contains(keyWords, s.Word(i)) {
		return i
	}
	return -1
}

var keyWords = []string{"KEY", "INDEX", "UNIQUE", "FULLTEXT", "SPATIAL"}

// keyName returns the name of a key.
func (s *Statement) keyName(e element) string {
	i := s.keyWord(e)
	for slices.Contains(keyWords, s.Word(i)) {
		i++
	}
	return s.NameAt(i)
}

// onExpression says whether an element is a key with an expression among its columns.
func (s *Statement) onExpression(e element) bool {
	i := e.first
	if s.Verb != "CREATE" || s.Kind != "INDEX" {
		if i = s.keyWord(e); i < 0 {
			return false
		}
	}
	depth := 0
	for ; i < e.last; i++ {
		switch {
		case s.Symbol(i, '('):
			if depth++; depth == 2 && (s.Symbol(i-1, '(') || s.Symbol(i-1, ',')) {
				return true
			}
		case s.Symbol(i, ')'):
			depth--
		}
	}
	return false
}

// alterations returns the parts of an ALTER TABLE between its commas.
func (s *Statement) alterations() (all []element) {
	from := s.Find("TABLE") + 2
	for s.Symbol(from, '.') {
		from += 2
	}
	depth := 0
	for i := from; i <= len(s.Tokens); i++ {
		switch {
		case s.Symbol(i, '('):
			depth++
		case s.Symbol(i, ')'):
			depth--
		case i == len(s.Tokens) || s.Symbol(i, ',') && depth == 0:
			if i > from {
				all = append(all, element{from, i})
			}
			from = i + 1
		}
	}
	return all
}

// nameAfter returns the name after a word and IF NOT EXISTS, without its database.
func (s *Statement) nameAfter(word string) string {
	at := s.Find(word) + 1
	for slices.Contains([]string{"IF", "NOT", "EXISTS"}, s.Word(at)) {
		at++
	}
	for s.Symbol(at+1, '.') {
		at += 2
	}
	return s.NameAt(at)
}
