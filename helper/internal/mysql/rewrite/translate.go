package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// MySQL and MariaDB put into comments what the other one does not know. Some of it has another word in the other
// one's language. A note reports the rest.

// The versions of MariaDB that first had words for features of MySQL.
const (
	knowsInvisible = 100300
	knowsIgnored   = 100600
)

// geometries are the types with a spatial reference system.
var geometries = []string{"GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION", "GEOMCOLLECTION"}

// Translate returns a statement about a table in which the server's own words replace conditional parts that it would
// ignore.
func (w *Rewriter) Translate(s *Statement) *Statement {
	if s.Kind != "TABLE" && s.Kind != "INDEX" || s.Verb != "CREATE" && s.Verb != "ALTER" {
		return s
	}
	var hidden []conditional
	for _, c := range s.conditionals() {
		if !w.Server.Executes(c.Comment) && c.last > c.first {
			hidden = append(hidden, c)
		}
	}
	if len(hidden) == 0 {
		return s
	}
	var changes, leftOut sqltext.Edits
	elements, _ := s.elements()
	for _, c := range hidden {
		var within element // of a table that is created; empty after its columns and keys
		if i := slices.IndexFunc(elements, func(e element) bool { return e.first <= c.first && c.first <= e.last && c.last <= e.last }); i >= 0 && s.Verb == "CREATE" {
			within = elements[i]
		}
		if !w.word(s, c, within, &changes, &leftOut) {
			where := "table " + s.Made()
			if what := s.describe(within); what != "" {
				where += ", " + what
			}
			text := strings.TrimSpace(string(s.Text[s.Tokens[c.first].Start:s.Tokens[c.last-1].End]))
			w.Once.Lose(where+text, where+": this server does not know "+text+", which is left out")
			leftOut.Replace(c.start, c.end, "")
		}
	}
	declares := leftOut.Apply(s.Text)
	s = Parse(changes.Apply(s.Text))
	s.declares = declares
	return s
}

// word replaces a conditional part by the server's own word, and says whether there is one. It adds what a note has
// reported as left out to leftOut.
func (w *Rewriter) word(s *Statement, c conditional, within element, changes, leftOut *sqltext.Edits) bool {
	if !w.Server.IsMariaDB() || c.MariaDB {
		return false
	}
	isKey := c.Version == 80000 || s.Kind == "INDEX"
	switch {
	case s.words(c.first, "VISIBLE"):
		return true
	case s.words(c.first, "INVISIBLE") && isKey && w.Server.Number() >= knowsIgnored:
		changes.Replace(c.start, c.end, "IGNORED")
		return true
	case s.words(c.first, "INVISIBLE") && !isKey && w.Server.Number() >= knowsInvisible:
		if within.last > 0 && s.findIn(within, "NOT", "NULL") > 0 &&
			s.findIn(within, "DEFAULT") < 0 && s.findIn(within, "AUTO_INCREMENT") < 0 && s.findIn(within, "AS") < 0 {
			return false // MariaDB cannot hide a column that must be given a value
		}
		changes.Replace(c.start, c.end, "INVISIBLE")
		return true
	case s.words(c.first, "SRID"):
		for i := c.first - 1; i > 0; i-- {
			if slices.Contains(geometries, s.Word(i)) && s.IsName(i-1) {
				changes.Replace(c.start, c.end, "")
				changes.Replace(s.Tokens[i].End, s.Tokens[i].End, " REF_SYSTEM_ID="+s.NameAt(c.first+1))
				return true
			}
		}
	case s.words(c.first, "NOT", "ENFORCED") && within.last > 0:
		// There it would be enforced.
		start, end := s.Tokens[within.first].Start, c.end
		if s.Symbol(within.first-1, ',') {
			start = s.Tokens[within.first-1].Start
		}
		changes.Replace(start, end, "")
		leftOut.Replace(start, end, "")
		where := fmt.Sprintf("table %s, %s", s.Made(), s.describe(within))
		w.Once.Lose(where, where+": it is NOT ENFORCED, which this server does not know, and is left out")
		return true
	}
	return false
}
