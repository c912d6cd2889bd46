package localdb

import (
	"regexp"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// tableDefinition is what SHOW CREATE TABLE says of a table, taken apart as far as its keys go.
type tableDefinition struct {
	primary []string // columns of the primary key
	counter string   // the column that is AUTO_INCREMENT
	keys    []keyDefinition
	foreign []keyDefinition
	// exotic says that there is more to the table than columns and keys.
	exotic bool
}

// keyDefinition is a key, or a foreign key, of a table.
type keyDefinition struct {
	name, text string
	columns    []string // by which it can be searched: those that are in it as a whole, up to the first that is not
	simple     bool     // it is nothing but columns, in a tree
}

// exoticTables is how a definition shows that a table is partitioned or keeps the versions of its rows, and that
// its keys have parts which its columns do not tell.
var exoticTables = []string{"PARTITION BY", "SYSTEM VERSIONING", "PERIOD FOR", "WITHOUT OVERLAPS"}

// readDefinition takes a definition apart. Names without backticks are not known for what they are: such a table
// has no keys then.
func readDefinition(text string) *tableDefinition {
	d := &tableDefinition{}
	for _, word := range exoticTables {
		d.exotic = d.exotic || strings.Contains(text, word)
	}
	all := parse([]byte(text))
	depth, from := 0, 0
	for i := range all.tokens {
		switch {
		case all.symbol(i, '('):
			if depth++; depth == 1 {
				from = i + 1
			}
		case all.symbol(i, ')'):
			if depth--; depth == 0 {
				d.add(all, from, i)
				d.exotic = d.exotic || !isInnoDB(all, i)
				return d
			}
		case all.symbol(i, ',') && depth == 1:
			d.add(all, from, i)
			from = i + 1
		}
	}
	d.exotic = true
	return d
}

// isInnoDB looks at what follows the columns and keys.
func isInnoDB(s *statement, after int) bool {
	for i := after; i < len(s.tokens); i++ {
		if s.word(i) == "ENGINE" && s.symbol(i+1, '=') {
			return s.word(i+2) == "INNODB"
		}
	}
	return false
}

// add takes the column or key that lies between two tokens.
func (d *tableDefinition) add(all *statement, from, to int) {
	if from >= to {
		return
	}
	s := &statement{text: all.text, tokens: all.tokens[from:to]}
	key := keyDefinition{text: string(s.text[s.tokens[0].Start:s.tokens[len(s.tokens)-1].End])}
	switch {
	case s.tokens[0].Kind == sqltext.QuotedName:
		if s.find("AUTO_INCREMENT") > 0 {
			d.counter = s.nameAt(0)
		}
	case s.word(0) == "PRIMARY":
		d.primary, _ = s.keyColumns(2)
	case s.word(0) == "KEY", s.word(0) == "UNIQUE" && s.word(1) == "KEY":
		name := s.find("KEY") + 1
		key.name = s.nameAt(name)
		var end int
		key.columns, end = s.keyColumns(name + 1)
		key.simple = end > 0 && s.endsSimply(end)
		d.keys = append(d.keys, key)
	case s.word(0) == "CONSTRAINT" && s.word(2) == "FOREIGN":
		key.name = s.nameAt(1)
		key.columns, _ = s.keyColumns(4)
		d.foreign = append(d.foreign, key)
	}
}

// keyColumns reads the columns of a key, (`a`,`b`(10) DESC), which begin at a token. end is the token behind them, 0
// where something else is among them, an expression perhaps.
func (s *statement) keyColumns(at int) (columns []string, end int) {
	if !s.symbol(at, '(') {
		return nil, 0
	}
	whole := true
	for {
		at++
		if at >= len(s.tokens) || s.tokens[at].Kind != sqltext.QuotedName {
			return nil, 0
		}
		name := s.nameAt(at)
		at++
		if s.symbol(at, '(') && s.symbol(at+2, ')') {
			whole = false
			at += 3
		}
		if whole {
			columns = append(columns, name)
		}
		if word := s.word(at); word == "ASC" || word == "DESC" {
			at++
		}
		switch {
		case s.symbol(at, ')'):
			return columns, at + 1
		case !s.symbol(at, ','):
			return nil, 0
		}
	}
}

// endsSimply says whether what follows a key's columns is known to come back when the key is made anew.
func (s *statement) endsSimply(at int) bool {
	for at < len(s.tokens) {
		switch {
		case s.word(at) == "USING" && s.word(at+1) == "BTREE":
		case s.word(at) == "COMMENT" && at+1 < len(s.tokens) && s.tokens[at+1].Kind == sqltext.Text:
		default:
			return false
		}
		at += 2
	}
	return true
}

// beginsWith says whether a key with the one columns can be searched by the others.
func beginsWith(key, columns []string) bool {
	return len(columns) > 0 && len(key) >= len(columns) && slices.EqualFunc(key[:len(columns)], columns, strings.EqualFold)
}

// deferrable gives the keys and foreign keys that the table can do without while its rows come in: not those by
// which it counts, and not those that foreign keys of other tables refer to, whose columns are given.
func (d *tableDefinition) deferrable(referenced [][]string) (keys, foreign []keyDefinition) {
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
			return beginsWith(key.columns, columns) && !beginsWith(d.primary, columns)
		}) {
			kept = append(kept, key.columns)
		} else {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	for _, key := range d.foreign {
		if !slices.ContainsFunc(kept, func(columns []string) bool { return beginsWith(columns, key.columns) }) {
			foreign = append(foreign, key)
		}
	}
	return keys, foreign
}

// counters finds where a table's counter stands, which rows move.
var counters = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// sameDefinition says whether two texts define the same table.
func sameDefinition(a, b string) bool {
	return counters.ReplaceAllString(a, "") == counters.ReplaceAllString(b, "")
}
