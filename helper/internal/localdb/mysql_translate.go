package localdb

import (
	"fmt"
	"slices"
	"strings"
)

// MySQL and MariaDB hide from one another, in comments, what the other one does not know. Some of it has another word
// there; all else is said.

// Versions of MariaDB from which on it has words for what MySQL has.
const (
	knowsInvisible = 100300
	knowsIgnored   = 100600
)

// geometries are the types that have a system of reference.
var geometries = []string{"GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION", "GEOMCOLLECTION"}

// translate gives a statement about a table in which nothing is hidden from the server that it has a word for.
func (w *rewriter) translate(s *statement) *statement {
	if s.kind != "TABLE" && s.kind != "INDEX" || s.verb != "CREATE" && s.verb != "ALTER" {
		return s
	}
	var hidden []conditional
	for _, c := range s.conditionals() {
		if w.server.skips(c) && c.last > c.first {
			hidden = append(hidden, c)
		}
	}
	if len(hidden) == 0 {
		return s
	}
	var changes, leftOut edits
	elements, _ := s.elements()
	for _, c := range hidden {
		var within element // of a table that is made; none behind its columns and keys
		if i := slices.IndexFunc(elements, func(e element) bool { return e.first <= c.first && c.first <= e.last && c.last <= e.last }); i >= 0 && s.verb == "CREATE" {
			within = elements[i]
		}
		if !w.word(s, c, within, &changes, &leftOut) {
			where := "table " + s.made()
			if what := s.describe(within); what != "" {
				where += ", " + what
			}
			text := strings.TrimSpace(string(s.text[s.tokens[c.first].Start:s.tokens[c.last-1].End]))
			w.once.about(where+text, where+": this server does not know "+text+", which is left out")
			leftOut.replace(c.start, c.end, "")
		}
	}
	declares := leftOut.apply(s.text)
	s = parse(changes.apply(s.text))
	s.declares = declares
	return s
}

// word puts the server's own word in the place of a conditional part, and says whether it has one. What it has noted to be left out
// it adds to leftOut.
func (w *rewriter) word(s *statement, c conditional, within element, changes, leftOut *edits) bool {
	if !w.server.mariadb || c.mariadb {
		return false
	}
	isKey := c.version == 80000 || s.kind == "INDEX"
	switch {
	case s.words(c.first, "VISIBLE"):
		return true
	case s.words(c.first, "INVISIBLE") && isKey && w.server.version >= knowsIgnored:
		changes.replace(c.start, c.end, "IGNORED")
		return true
	case s.words(c.first, "INVISIBLE") && !isKey && w.server.version >= knowsInvisible:
		if within.last > 0 && s.has(within, "NOT", "NULL") && !s.has(within, "DEFAULT") && !s.has(within, "AUTO_INCREMENT") && !s.has(within, "AS") {
			return false // MariaDB hides no column that must be given a value
		}
		changes.replace(c.start, c.end, "INVISIBLE")
		return true
	case s.words(c.first, "SRID"):
		for i := c.first - 1; i > 0; i-- {
			if slices.Contains(geometries, s.word(i)) && s.isName(i-1) {
				changes.replace(c.start, c.end, "")
				changes.replace(s.tokens[i].End, s.tokens[i].End, " REF_SYSTEM_ID="+s.nameAt(c.first+1))
				return true
			}
		}
	case s.words(c.first, "NOT", "ENFORCED") && within.last > 0:
		// There it would be enforced.
		start, end := s.tokens[within.first].Start, c.end
		if s.symbol(within.first-1, ',') {
			start = s.tokens[within.first-1].Start
		}
		changes.replace(start, end, "")
		leftOut.replace(start, end, "")
		where := fmt.Sprintf("table %s, %s", s.made(), s.describe(within))
		w.once.about(where, where+": it is NOT ENFORCED, which this server does not know, and is left out")
		return true
	}
	return false
}
