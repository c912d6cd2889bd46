package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// MySQL has keys on expressions: KEY k ((lower(name))). MariaDB has keys on generated columns, which may be hidden. The column needs
// a type, which the dump does not name. The server tells it, once it has the table.

// KeyOnExpression is a key of MySQL for a server that has only keys on columns.
type KeyOnExpression struct {
	Table, Name string
	Unique      bool
	Parts       []ExpressionPart
	Comment     string // with its word and its quotes
}

// ExpressionPart is a part of such a key: an expression, without brackets around it, or a column as it stands in the key.
type ExpressionPart struct {
	Expression, Column string
	// Descending is " DESC" or "".
	Descending string
	// Values means that the expression has several values for a row.
	Values bool
}

// String names a key as notes do.
func (k KeyOnExpression) String() string { return "table " + k.Table + ", key " + k.Name }

// Text returns the expressions as notes show them.
func (k KeyOnExpression) Text() string {
	var all []string
	for _, part := range k.Parts {
		if part.Expression != "" {
			all = append(all, part.Expression)
		}
	}
	return strings.Join(all, ", ")
}

// Named returns the hidden columns that take the place of the expressions, and the statement that adds them and the key. types are
// the types of the expressions.
func (k KeyOnExpression) Named(types []string) (columns []string, statement string) {
	var adds, key []string
	for _, part := range k.Parts {
		if part.Expression == "" {
			key = append(key, part.Column)
			continue
		}
		column := fmt.Sprintf("%.48s_expression_%d", k.Name, len(columns)+1)
		adds = append(adds, fmt.Sprintf("ADD COLUMN %s %s GENERATED ALWAYS AS (%s) VIRTUAL INVISIBLE", mysql.QuoteName(column), types[len(columns)], part.Expression))
		key = append(key, mysql.QuoteName(column)+part.Descending)
		columns = append(columns, column)
	}
	kind := "KEY"
	if k.Unique {
		kind = "UNIQUE KEY"
	}
	adds = append(adds, strings.TrimSpace(fmt.Sprintf("ADD %s %s (%s) %s", kind, mysql.QuoteName(k.Name), strings.Join(key, ","), k.Comment)))
	return columns, "ALTER TABLE " + mysql.QuoteName(k.Table) + " " + strings.Join(adds, ", ")
}

// putOff remembers a key on an expression for later.
func (w *Rewriter) putOff(s *Statement, table string, e element) {
	k := KeyOnExpression{Table: table}
	if s.Kind == "INDEX" {
		k.Name = s.nameAfter("INDEX")
	} else {
		k.Name = s.keyName(e)
	}
	id := [2]string{k.Table, k.Name}
	if w.known[id] {
		return
	}
	if w.known == nil {
		w.known = map[[2]string]bool{}
	}
	w.known[id] = true
	open := e.first
	for ; open < e.last && !s.Symbol(open, '('); open++ {
		k.Unique = k.Unique || s.Word(open) == "UNIQUE"
	}
	parts, end := s.keyParts(open, e.last)
	for _, part := range parts {
		k.Parts = append(k.Parts, s.keyPart(part.first, part.last))
	}
	for i := end; i < e.last; i++ {
		if s.Word(i) == "COMMENT" && s.isText(s.value(i+1)) {
			k.Comment = s.between(i, s.value(i+1)+1)
		}
	}
	w.onExpressions = append(w.onExpressions, k)
}

// keyPart reads one part of a key between two tokens.
func (s *Statement) keyPart(first, last int) (p ExpressionPart) {
	if !s.Symbol(first, '(') {
		p.Column = s.between(first, last)
		return p
	}
	if s.Word(last-1) == "DESC" {
		p.Descending = " DESC"
	}
	end := s.closing(first)
	for i := first; i < end; i++ {
		p.Values = p.Values || s.Word(i) == "ARRAY" && s.Symbol(i+1, ')')
	}
	p.Expression = withoutIntroducers(s.between(first+1, end))
	return p
}

// withoutIntroducers removes the character set of MySQL's own before literals in ASCII, which are the same text in any.
func withoutIntroducers(expression string) string {
	text := []byte(expression)
	var edits sqltext.Edits
	all := sqltext.Tokens(text, sqltext.MySQL)
	for i := range all[:max(len(all)-1, 0)] {
		if all[i].Kind == sqltext.Word && slices.Contains([]string{"_utf8mb4", "_utf8mb3", "_utf8"}, all[i].Name(text)) && all[i+1].Kind == sqltext.Text {
			edits.Replace(all[i].Start, all[i+1].Start, "")
		}
	}
	return string(edits.Apply(text))
}

// TakeKeysOnExpressions returns the keys that wait, and forgets them.
func (w *Rewriter) TakeKeysOnExpressions() []KeyOnExpression {
	waiting := w.onExpressions
	w.onExpressions = nil
	return waiting
}

// DeclareKey adds a statement of our own to the definition of a table.
func (w *Rewriter) DeclareKey(table, statement string) {
	w.Declared.add(table, Parse([]byte(statement)))
}
