package admit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// createTable judges a CREATE TABLE.
func (r *reader) createTable() error {
	r.at++
	for r.pass("IF", "NOT", "EXISTS") {
	}
	name, err := r.target()
	if err != nil {
		return err
	}
	return r.definition(r.at, len(r.tokens), name)
}

// alter judges an ALTER.
func (r *reader) alter() error {
	for r.pass("ONLINE", "OFFLINE", "IGNORE") {
	}
	switch {
	case r.pass("DATABASE", "SCHEMA"):
		if !slices.Contains([]string{"DEFAULT", "CHARACTER", "CHARSET", "COLLATE"}, r.word(r.at)) {
			return errors.New("it concerns a database")
		}
		return r.expression(r.at, len(r.tokens))
	case r.pass("SEQUENCE"):
		r.pass("IF")
		r.pass("EXISTS")
		if _, err := r.target(); err != nil {
			return err
		}
		return r.definition(r.at, len(r.tokens), "")
	case !r.pass("TABLE"):
		return r.unknown()
	}
	if r.pass("IF") && !r.pass("EXISTS") {
		return r.unknown()
	}
	name, err := r.rowsOf()
	if err != nil {
		return err
	}
	return r.definition(r.at, len(r.tokens), name)
}

// definition judges what stands behind the name in a statement about a table. The server itself allows few functions there, and no
// subqueries.
func (r *reader) definition(from, to int, table string) error {
	depth, selects := 0, false
	for i := from; i < to; i++ {
		t := r.tokens[i]
		switch upper := t.upper(); {
		case t.isSymbol('('):
			depth++
			before := r.peek(i - 1)
			if name := strings.ToUpper(before.name()); before.isName() && r.symbol(i-2, '.') {
				if r.word(i-4) != "REFERENCES" || !r.isOwn(i-3) {
					return fmt.Errorf("it calls %s", excerpt(name))
				}
			} else if before.kind == word && (effects[name] || r.judge.Loadable[name]) {
				return fmt.Errorf("it calls %s", excerpt(name))
			}
		case t.isSymbol(')'):
			depth--
		case t.isSymbol(';'):
			return errors.New("it is more than one statement")
		case upper == "SELECT" && r.word(0) == "CREATE" && table != "" && r.judge.Takes(table) == nil:
			if !selects {
				if err := r.reading(i); err != nil {
					return err
				}
			}
			selects = true
		case upper == "SELECT", upper == "OUTFILE", upper == "DUMPFILE":
			return fmt.Errorf("it has %s", upper)
		case upper == "TABLE" && !r.exchanges(i):
			return fmt.Errorf("it has %s", upper)
		case upper == "VALUES" && depth == 0, upper == "VALUES" && r.word(i+1) == "ROW":
			return errors.New("it has VALUES")
		case upper == "DIRECTORY" && (r.word(i-1) == "DATA" || r.word(i-1) == "INDEX") && r.peek(r.option(i+1)).kind == text:
			return fmt.Errorf("it puts files of the table elsewhere with %s DIRECTORY", r.word(i-1))
		case upper == "TABLESPACE" && (r.word(i-1) == "DISCARD" || r.word(i-1) == "IMPORT"):
			return fmt.Errorf("it has %s TABLESPACE", r.word(i-1))
		case (upper == "ENGINE" || upper == "TYPE") && depth == 0:
			if err := r.engine(strings.ToUpper(strings.Trim(r.peek(r.option(i+1)).name(), "'\"")), table); err != nil {
				return err
			}
		case (upper == "MODULE" || upper == "SUBTYPE") && depth == 0 && r.symbol(i+1, '='):
			return fmt.Errorf("it has %s", upper)
		case t.isName() && r.symbol(i+1, '.') && !r.symbol(i-1, '.') && !r.isOwn(i) && r.isTarget(i, depth):
			return fmt.Errorf("it concerns database %s", excerpt(t.name()))
		}
	}
	return nil
}

func (r *reader) isOwn(i int) bool { return r.peek(i).name() == r.judge.Database }

// option returns the token of an option's value.
func (r *reader) option(i int) int {
	if r.symbol(i, '=') {
		return i + 1
	}
	return i
}

// exchanges says whether TABLE belongs to EXCHANGE PARTITION p WITH TABLE t.
func (r *reader) exchanges(i int) bool { return r.word(i-1) == "WITH" || r.word(i-1) == "REORGANIZE" }

// isTarget says whether a qualified name in a definition is that of a table or a sequence. What is left are columns.
func (r *reader) isTarget(i, depth int) bool {
	switch r.word(i - 1) {
	case "REFERENCES", "LIKE", "TABLE", "TO", "RENAME", "AS", "FOR", "FROM", "JOIN", "EXISTS":
		return true
	}
	if depth == 0 {
		return true
	}
	if r.symbol(i-1, '(') && slices.Contains([]string{"NEXTVAL", "SETVAL", "LASTVAL"}, r.word(i-2)) {
		return true
	}
	if last := r.word(i + 2); last == "NEXTVAL" || last == "CURRVAL" {
		return true
	}
	for open := i - 1; open > 0 && depth == 1; open-- { // the list of a UNION
		if r.symbol(open, '(') {
			return r.word(open-1) == "UNION" || r.symbol(open-1, '=') && r.word(open-2) == "UNION"
		}
	}
	return false
}

// outside are storage engines that keep rows outside of the server or write to other places, besides those that mysql.RowsElsewhere knows.
var outside = []string{"FEDERATEDX", "SPHINX", "S3", "HANDLERSOCKET", "CASSANDRA", "VIDEX"}

// engine judges the storage engine of a table. If it keeps rows elsewhere, the table may be made, but nothing may change its rows. Those of
// a MERGE table are in tables of the same database, as its UNION says.
func (r *reader) engine(engine, table string) error {
	if engine == "MERGE" || engine == "MRG_MYISAM" || engine == "OQGRAPH" || !mysql.RowsElsewhere(engine) && !slices.Contains(outside, engine) {
		return nil
	}
	if r.word(0) != "CREATE" {
		return fmt.Errorf("it moves rows to engine %s", engine)
	}
	if r.judge.elsewhere == nil {
		r.judge.elsewhere = map[string]bool{}
	}
	r.judge.elsewhere[strings.ToLower(table)] = true
	return nil
}
