package load

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// warnings collects what the server reported about rows that it accepted and changed.
type warnings struct {
	listed  int // for a statement, at most
	mutex   sync.Mutex
	tables  map[string][]warnedColumn
	tallies map[warning]*tally
}

// warning is what warnings are counted by: the column if they name one, else their text.
type warning struct{ table, column, text string }

// tally counts the rows with a warning, and keeps its texts; more says that the server did not list all of them. The
// texts contain no values of rows.
type tally struct {
	rows  int64
	texts []string
	more  bool
}

// mostWarnings is how many warnings a server can list and count for a statement.
const mostWarnings = 65535

// warnedColumn is a column with a warning.
type warnedColumn struct {
	name            string
	enum, generated bool
}

// harmlessWarnings are not about values. They concern statements that a log cannot replicate, and deprecated syntax.
var harmlessWarnings = map[string]bool{
	"1287": true, "1592": true, "1681": true, "3719": true, "3720": true, "3778": true, "4079": true,
}

// invalidText is MySQL's warning about a literal, regardless of what is stored: dumps write bytes like that. A column
// that rejects the text causes a different warning.
const invalidText = "1300"

var (
	warnedOf  = regexp.MustCompile("column ['`](?:.*`\\.`)?(.+?)['`](?: at row (\\d+))?$")
	warnedRow = regexp.MustCompile(` at row (\d+)$`)
)

// hear collects the warnings of the INSERT that a session has just run.
func (w *warnings) hear(ctx context.Context, s *session.Session, table string, insert []byte) error {
	listed, err := s.Table(ctx, "SHOW WARNINGS")
	if err != nil {
		return err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	columns, known := w.tables[table]
	if !known {
		if columns, err = warnedColumns(ctx, s, table); err != nil {
			return err
		}
		if w.tables == nil {
			w.tables, w.tallies = map[string][]warnedColumn{}, map[warning]*tally{}
		}
		w.tables[table] = columns
	}
	noMember := map[string][]bool{} // by column of type ENUM, for each row
	last := map[warning]string{}    // the row
	for _, one := range listed {
		if harmlessWarnings[one["code"]] || one["code"] == invalidText {
			continue
		}
		text := warningText(one["message"])
		kind, row := warning{table: table, text: text}, ""
		if match := warnedOf.FindStringSubmatch(one["message"]); match != nil {
			kind, row = warning{table: table, column: match[1]}, match[2]
		} else if match := warnedRow.FindStringSubmatch(one["message"]); match != nil {
			row = match[1]
		}
		if i := slices.IndexFunc(columns, func(c warnedColumn) bool { return c.name == kind.column }); i >= 0 && columns[i].enum {
			// The server warns of a value that is not a member even if the statement asks for exactly that.
			if noMember[kind.column] == nil {
				noMember[kind.column] = noMembers(insert, kind.column, columns)
			}
			if at, err := strconv.Atoi(row); err == nil && at >= 1 && at <= len(noMember[kind.column]) && noMember[kind.column][at-1] {
				continue
			}
		}
		if row != "" && last[kind] == row {
			continue
		}
		last[kind] = row
		if w.tallies[kind] == nil {
			w.tallies[kind] = &tally{}
		}
		t := w.tallies[kind]
		if t.rows++; !slices.Contains(t.texts, text) {
			t.texts = append(t.texts, text)
		}
	}
	for kind := range last {
		w.tallies[kind].more = w.tallies[kind].more || len(listed) >= w.listed
	}
	return nil
}

// warningText removes the column and the values of rows from a message.
func warningText(message string) string {
	text, _, _ := strings.Cut(message, "'")
	text, _, _ = strings.Cut(text, "`")
	return strings.TrimRight(text, " :")
}

func warnedColumns(ctx context.Context, s *session.Session, table string) (columns []warnedColumn, err error) {
	rows, err := s.Table(ctx, "SELECT COLUMN_NAME, DATA_TYPE, EXTRA FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", table)
	for _, row := range rows {
		extra := strings.ReplaceAll(row["extra"], "DEFAULT_GENERATED", "")
		columns = append(columns, warnedColumn{row["column_name"], row["data_type"] == "enum", strings.Contains(extra, "GENERATED")})
	}
	return columns, err
}

// noMembers says, for each row of an INSERT, whether its value in an ENUM column is deliberately no member: an empty
// text, or zero.
func noMembers(insert []byte, column string, columns []warnedColumn) (is []bool) {
	s := rewrite.Parse(insert)
	values := s.Find("VALUES", "VALUE")
	if values < 0 {
		return nil
	}
	at := slices.IndexFunc(columns, func(c warnedColumn) bool { return c.name == column })
	if s.Symbol(values-1, ')') { // the columns are named
		open := values - 2
		for open > 0 && !s.Symbol(open, '(') {
			open--
		}
		at = slices.IndexFunc(s.Tokens[open:values], func(t sqltext.Token) bool { return strings.EqualFold(t.Name(s.Text), column) }) / 2
	}
	depth, value := 0, 0
	for i := values + 1; i < len(s.Tokens); i++ {
		switch {
		case s.Symbol(i, '('):
			if depth++; depth == 1 {
				value = 0
				is = append(is, false)
			}
		case s.Symbol(i, ')'):
			depth--
		case s.Symbol(i, ',') && depth == 1:
			value++
		case depth == 1 && value == at:
			token := s.Tokens[i]
			is[len(is)-1] = token.Kind == sqltext.Text && token.End-token.Start == len("''") || s.Word(i) == "0"
		}
	}
	return is
}

// tell notes each kind of warning.
func (w *warnings) tell(note func(string)) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	kinds := slices.SortedFunc(maps.Keys(w.tallies), func(a, b warning) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.column, b.column), cmp.Compare(a.text, b.text))
	})
	for _, kind := range kinds {
		tally := w.tallies[kind]
		text := strings.Join(tally.texts, ", ")
		least := ""
		if tally.more {
			least = "at least "
		}
		i := slices.IndexFunc(w.tables[kind.table], func(c warnedColumn) bool { return c.name == kind.column })
		switch {
		case i < 0 || w.tables[kind.table][i].generated:
			about := ""
			if kind.column != "" {
				about = " in column " + kind.column
			}
			note(fmt.Sprintf("table %s: the server warned of %s%s%s as they were loaded: %s", kind.table, least, rowsOf(tally.rows), about, text))
		default:
			note(fmt.Sprintf("table %s, column %s: %s%s changed as they were loaded: %s", kind.table, kind.column, least, rowsOf(tally.rows), text))
		}
	}
}

func rowsOf(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
