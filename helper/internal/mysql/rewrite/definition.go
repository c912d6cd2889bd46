package rewrite

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// DefinitionSum returns a hash of a table's definition in SHOW CREATE TABLE. It ignores the AUTO_INCREMENT counter.
func DefinitionSum(definition string) [sha256.Size]byte {
	return sha256.Sum256([]byte(mysql.WithoutCounter(definition)))
}

// TableDefinition is the output of SHOW CREATE TABLE, parsed as far as keys need it.
type TableDefinition struct {
	primary []string // columns of the primary key
	counter string   // the column that is AUTO_INCREMENT
	keys    []KeyDefinition
	Foreign []KeyDefinition
	// exotic says that the table has more than columns and keys.
	exotic bool
}

// KeyDefinition is a key, or a foreign key, of a table.
type KeyDefinition struct {
	Name, Text string
	columns    []string // by which it can be searched: its leading columns that are indexed completely
	simple     bool     // it is a tree of plain columns
}

// exoticTables are the words by which a definition shows that a table is partitioned or system-versioned. Its keys
// then have parts that are not among their columns.
var exoticTables = []string{"PARTITION BY", "SYSTEM VERSIONING", "PERIOD FOR", "WITHOUT OVERLAPS"}

// ReadDefinition parses a definition. It recognizes only names in backticks: a table with other names has no keys for
// it.
func ReadDefinition(text string) *TableDefinition {
	d := &TableDefinition{}
	for _, word := range exoticTables {
		d.exotic = d.exotic || strings.Contains(text, word)
	}
	all := Parse([]byte(text))
	depth, from := 0, 0
	for i := range all.Tokens {
		switch {
		case all.Symbol(i, '('):
			if depth++; depth == 1 {
				from = i + 1
			}
		case all.Symbol(i, ')'):
			if depth--; depth == 0 {
				d.add(all, from, i)
				d.exotic = d.exotic || !isInnoDB(all, i)
				return d
			}
		case all.Symbol(i, ',') && depth == 1:
			d.add(all, from, i)
			from = i + 1
		}
	}
	d.exotic = true
	return d
}

// isInnoDB looks at what follows the columns and keys.
func isInnoDB(s *Statement, after int) bool {
	for i := after; i < len(s.Tokens); i++ {
		if s.Word(i) == "ENGINE" && s.Symbol(i+1, '=') {
			return s.Word(i+2) == "INNODB"
		}
	}
	return false
}

// add reads the column or key between two tokens.
func (d *TableDefinition) add(all *Statement, from, to int) {
	if from >= to {
		return
	}
	s := &Statement{Text: all.Text, Tokens: all.Tokens[from:to]}
	key := KeyDefinition{Text: string(s.Text[s.Tokens[0].Start:s.Tokens[len(s.Tokens)-1].End])}
	switch {
	case s.Tokens[0].Kind == sqltext.QuotedName:
		if s.Find("AUTO_INCREMENT") > 0 {
			d.counter = s.NameAt(0)
		}
	case s.Word(0) == "PRIMARY":
		d.primary, _ = s.keyColumns(2)
	case s.Word(0) == "KEY", s.Word(0) == "UNIQUE" && s.Word(1) == "KEY":
		name := s.Find("KEY") + 1
		key.Name = s.NameAt(name)
		var end int
		key.columns, end = s.keyColumns(name + 1)
		key.simple = end > 0 && s.endsSimply(end)
		d.keys = append(d.keys, key)
	case s.Word(0) == "CONSTRAINT" && s.Word(2) == "FOREIGN":
		key.Name = s.NameAt(1)
		key.columns, _ = s.keyColumns(4)
		d.Foreign = append(d.Foreign, key)
	}
}

// keyColumns reads the columns of a key, (`a`,`b`(10) DESC), beginning at a token. end is the token after them, 0 if
// there is something else among them, such as an expression.
func (s *Statement) keyColumns(at int) (columns []string, end int) {
	if !s.Symbol(at, '(') {
		return nil, 0
	}
	whole := true
	for {
		at++
		if at >= len(s.Tokens) || s.Tokens[at].Kind != sqltext.QuotedName {
			return nil, 0
		}
		name := s.NameAt(at)
		at++
		if s.Symbol(at, '(') && s.Symbol(at+2, ')') {
			whole = false
			at += 3
		}
		if whole {
			columns = append(columns, name)
		}
		if word := s.Word(at); word == "ASC" || word == "DESC" {
			at++
		}
		switch {
		case s.Symbol(at, ')'):
			return columns, at + 1
		case !s.Symbol(at, ','):
			return nil, 0
		}
	}
}

// endsSimply says whether what follows a key's columns is known to be the same when the key is created again.
func (s *Statement) endsSimply(at int) bool {
	for at < len(s.Tokens) {
		switch {
		case s.Word(at) == "USING" && s.Word(at+1) == "BTREE":
		case s.Word(at) == "COMMENT" && at+1 < len(s.Tokens) && s.Tokens[at+1].Kind == sqltext.Text:
		default:
			return false
		}
		at += 2
	}
	return true
}

// BeginsWith says whether a key on some columns can be searched by the others.
func BeginsWith(key, columns []string) bool {
	return len(columns) > 0 && len(key) >= len(columns) && slices.EqualFunc(key[:len(columns)], columns, strings.EqualFold)
}

// Deferrable returns the keys and foreign keys that can be added after the rows. It keeps the keys that
// AUTO_INCREMENT needs, and those that foreign keys of other tables refer to, whose columns are given.
func (d *TableDefinition) Deferrable(referenced [][]string) (keys, foreign []KeyDefinition) {
	if d.exotic || len(d.primary) == 0 {
		return nil, nil
	}
	needed := referenced
	if d.counter != "" {
		needed = append([][]string{{d.counter}}, referenced...)
	}
	kept := [][]string{d.primary}
	for _, key := range d.keys {
		if !key.simple || slices.ContainsFunc(needed, func(columns []string) bool {
			return BeginsWith(key.columns, columns) && !BeginsWith(d.primary, columns)
		}) {
			kept = append(kept, key.columns)
		} else {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	for _, key := range d.Foreign {
		if !slices.ContainsFunc(kept, func(columns []string) bool { return BeginsWith(columns, key.columns) }) {
			foreign = append(foreign, key)
		}
	}
	return keys, foreign
}

// SameDefinition says whether two texts define the same table.
func SameDefinition(a, b string) bool {
	return mysql.WithoutCounter(a) == mysql.WithoutCounter(b)
}
