package rewrite

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// A column's default may take numbers from a sequence of another database. If rows were added under such a default, the dump would change that
// database. So the default is set when all rows are in.

// Numbered is a table with such defaults.
type Numbered struct {
	Table    string
	Defaults []NumberDefault
	made     *Statement // with the defaults
}

// NumberDefault is one of them.
type NumberDefault struct {
	Optional
	// Statement sets the default; "" if it is more than the next number of a sequence.
	Statement string
}

// putOffNumbers takes such defaults out of the definition of a table.
func (w *Rewriter) putOffNumbers(s *Statement) *Statement {
	found := Numbered{Table: s.TableName(), made: s}
	var parts []Optional
	for _, part := range s.Optionals() {
		first := slices.IndexFunc(s.Tokens, func(t sqltext.Token) bool { return t.Start >= part.start })
		outside := false
		last := first
		for ; last < len(s.Tokens) && s.Tokens[last].End <= part.end; last++ {
			outside = outside || s.IsName(last) && s.Symbol(last+1, '.') && s.callsSequence(last) &&
				w.Database != "" && !strings.EqualFold(s.NameAt(last), w.Database)
		}
		if outside {
			parts = append(parts, part)
			found.Defaults = append(found.Defaults, NumberDefault{part, s.setNumber(first, last)})
		}
	}
	if len(parts) == 0 {
		return s
	}
	w.Numbered = append(w.Numbered, found)
	return s.Without(parts)
}

// setNumber returns the statement that sets the default in the tokens from first to last, not included, if it is exactly
// DEFAULT nextval(`database`.`sequence`).
func (s *Statement) setNumber(first, last int) string {
	if s.Verb != "CREATE" || last-first != 7 || s.Word(first) != "DEFAULT" || s.Word(first+1) != "NEXTVAL" || !s.Symbol(first+2, '(') ||
		!s.IsName(first+3) || !s.Symbol(first+4, '.') || !s.IsName(first+5) || !s.Symbol(first+6, ')') {
		return ""
	}
	elements, _ := s.elements()
	for _, e := range elements {
		if e.first <= first && first < e.last && s.isColumn(e) {
			return "ALTER TABLE " + mysql.QuoteName(s.TableName()) + " ALTER COLUMN " + mysql.QuoteName(s.NameAt(e.first)) +
				" SET DEFAULT nextval(" + QualifiedName{s.NameAt(first + 3), s.NameAt(first + 5)}.String() + ")"
		}
	}
	return ""
}

// RedeclareNumbered notes that a table was made without some of its defaults.
func (w *Rewriter) RedeclareNumbered(n Numbered, without []Optional) {
	w.Redeclare(w.Adapt(n.made.Without(without)))
}
