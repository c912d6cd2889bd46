package localdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// The files of a table can lie elsewhere than in the folder of its database: a link in there tells the server where. When MariaDB moves the
// table to another database it leaves the link where it was, and with that database's folder it goes: started again, the server has the
// table no more. So no table comes with such an option, and none that has it is moved.

// keepInside takes off a CREATE or ALTER TABLE what makes its files lie outside of the folder of its database, or its rows be those of another
// database's tables, and tells the user.
func (w *rewriter) keepInside(s *statement) {
	if s.kind != "TABLE" || s.verb != "CREATE" && s.verb != "ALTER" {
		return
	}
	depth, isConnect := 0, s.isConnect()
	for i := range s.tokens {
		switch {
		case s.symbol(i, '('):
			depth++
		case s.symbol(i, ')'):
			depth--
		case s.word(i) == "DIRECTORY" && (s.word(i-1) == "DATA" || s.word(i-1) == "INDEX"):
			if value := s.value(i + 1); s.isText(value) {
				s.cutOption(i-1, value, depth)
				w.takenOff(s, s.word(i-1)+" DIRECTORY")
			}
		case s.word(i) == "TABLESPACE" && s.verb == "CREATE":
			if value := s.value(i + 1); s.isName(value) && !slices.Contains(ownTablespaces, s.nameAt(value)) {
				s.cutOption(i, value, depth)
				w.takenOff(s, "TABLESPACE")
			}
		case isConnect && depth == 0 && s.isName(i) && slices.Contains(connectFiles, strings.ToUpper(s.nameAt(i))) && s.symbol(i+1, '='):
			if value := s.value(i + 1); s.isText(value) {
				s.cutOption(i, value, depth)
				w.takenOff(s, strings.ToUpper(s.nameAt(i)))
			}
		case s.word(i) == "UNION" && depth == 0 && s.symbol(s.value(i+1), '('):
			w.keepUnion(s, s.value(i+1))
		}
	}
}

// ownTablespaces are those that every server of MySQL has.
var ownTablespaces = []string{"innodb_file_per_table", "innodb_system", "innodb_temporary"}

// connectFiles are the options of a CONNECT table that say where its file is.
var connectFiles = []string{"FILE_NAME"}

func (s *statement) isConnect() bool {
	for i := range s.tokens {
		if s.word(i) == "ENGINE" {
			return s.word(s.value(i+1)) == "CONNECT"
		}
	}
	return false
}

// value gives the token of an option's value, before which there may be an equals sign.
func (s *statement) value(i int) int {
	if s.symbol(i, '=') {
		return i + 1
	}
	return i
}

func (s *statement) isText(i int) bool { return i < len(s.tokens) && s.tokens[i].Kind == sqltext.Text }

// cutOption takes an option off. Those of a table may have commas between them, those of a partition have none.
func (s *statement) cutOption(first, last, depth int) {
	start, end := s.tokens[first].Start, s.tokens[last].End
	switch {
	case depth > 0:
	case s.symbol(first-1, ','):
		start = s.tokens[first-1].Start
	case s.symbol(last+1, ','):
		end = s.tokens[last+1].End
	}
	s.edits.replace(start, end, "")
}

// keepUnion takes the tables of other databases out of the list that begins at a token, and the dump's own database off the names of the others.
func (w *rewriter) keepUnion(s *statement, open int) {
	var kept, gone []string
	end := open
	for i := open + 1; i < len(s.tokens) && !s.symbol(i, ')'); i++ {
		end = i
		switch {
		case !s.isName(i) || s.symbol(i-1, '.'):
		case !s.symbol(i+1, '.'):
			kept = append(kept, quoteName(s.nameAt(i)))
		case w.isOwn(s.nameAt(i)):
			kept = append(kept, quoteName(s.nameAt(i+2)))
		default:
			gone = append(gone, s.nameAt(i)+"."+s.nameAt(i+2))
		}
	}
	if end == open {
		return
	}
	s.edits.replace(s.tokens[open+1].Start, s.tokens[end].End, strings.Join(kept, ","))
	for _, name := range gone {
		w.once.about("union "+s.tableName()+" "+name, fmt.Sprintf("table %s comes without the rows of %s, which is of another database", s.tableName(), name))
	}
}

// isOwn says whether a name is that of the dump's own database, as far as that is known.
func (w *rewriter) isOwn(database string) bool { return strings.EqualFold(database, w.database) }

// takenOff tells the user that a table comes without an option.
func (w *rewriter) takenOff(s *statement, option string) {
	table := s.tableName()
	w.once.about("outside "+table+" "+option, fmt.Sprintf("table %s comes without its %s: its files lie in the folder of the database", table, option))
}

// tableName gives the name of the table that a CREATE or ALTER TABLE is about.
func (s *statement) tableName() string {
	at := s.find("TABLE") + 1
	for slices.Contains([]string{"IF", "NOT", "EXISTS", "IGNORE"}, s.word(at)) {
		at++
	}
	if s.symbol(at+1, '.') {
		at += 2
	}
	return s.nameAt(at)
}

// bringInside is the statements that bring the files of a table into the folder of its database.
func bringInside(database, table string) string {
	return fmt.Sprintf("SET sql_mode = 'NO_DIR_IN_CREATE'; ALTER TABLE %s.%s FORCE, ALGORITHM=COPY", quoteName(database), quoteName(table))
}

// checkInside fails with *OutsideError where the files of a table of an extent lie outside of the folder of its database.
func (s *mysqlSession) checkInside(ctx context.Context, database string, has func(table string) bool) error {
	// MariaDB says so of tables, but not of their partitions; MySQL of neither.
	condition := " AND (CREATE_OPTIONS LIKE '%DIRECTORY%' OR CREATE_OPTIONS LIKE '%partitioned%')"
	if s.oracle {
		condition = " AND TABLE_TYPE = 'BASE TABLE'"
	}
	tables, err := s.list(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?"+condition+" ORDER BY TABLE_NAME", database)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if !has(table) {
			continue
		}
		rows, err := s.table(ctx, "SHOW CREATE TABLE "+quoteName(database)+"."+quoteName(table))
		if number(err) == mysqlUnknownTable {
			continue // dropped just now
		}
		if err != nil {
			return err
		}
		for _, row := range rows {
			if option := outsideOption(row["create table"]); option != "" {
				return &OutsideError{Database: database, Table: table, Option: option, Remedy: bringInside(database, table)}
			}
		}
	}
	return nil
}

// outsideOption names the option of a table's definition that puts its files elsewhere; "" where there is none.
func outsideOption(definition string) string {
	s := parse([]byte(definition))
	for i := range s.tokens {
		if s.word(i) == "DIRECTORY" && (s.word(i-1) == "DATA" || s.word(i-1) == "INDEX") && s.isText(s.value(i+1)) {
			return s.word(i-1) + " DIRECTORY"
		}
	}
	return ""
}
