package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// The files of a table can lie outside the folder of its database, which then has a link to them. When MariaDB moves
// the table to another database, it leaves the link behind, and the link disappears with the old database's folder.
// After a restart the server has lost the table. So such options are removed from incoming tables, and no table with
// such an option is moved.

// keepInside removes from a CREATE or ALTER TABLE what would put its files outside the folder of its database, or
// make its rows those of another database's tables, and notes that.
func (w *Rewriter) keepInside(s *Statement) {
	if s.Kind != "TABLE" || s.Verb != "CREATE" && s.Verb != "ALTER" {
		return
	}
	depth, isConnect := 0, s.isConnect()
	for i := range s.Tokens {
		switch {
		case s.Symbol(i, '('):
			depth++
		case s.Symbol(i, ')'):
			depth--
		case s.Word(i) == "DIRECTORY" && (s.Word(i-1) == "DATA" || s.Word(i-1) == "INDEX"):
			if value := s.value(i + 1); s.isText(value) {
				s.cutOption(i-1, value, depth)
				w.takenOff(s, s.Word(i-1)+" DIRECTORY")
			}
		case s.Word(i) == "TABLESPACE" && s.Verb == "CREATE":
			if value := s.value(i + 1); s.IsName(value) && !slices.Contains(ownTablespaces, s.NameAt(value)) {
				s.cutOption(i, value, depth)
				w.takenOff(s, "TABLESPACE")
			}
		case isConnect && depth == 0 && s.IsName(i) && slices.Contains(connectFiles, strings.ToUpper(s.NameAt(i))) && s.Symbol(i+1, '='):
			if value := s.value(i + 1); s.isText(value) {
				s.cutOption(i, value, depth)
				w.takenOff(s, strings.ToUpper(s.NameAt(i)))
			}
		case s.Word(i) == "UNION" && depth == 0 && s.Symbol(s.value(i+1), '('):
			w.keepUnion(s, s.value(i+1))
		}
	}
}

// ownTablespaces exist on every MySQL server.
var ownTablespaces = []string{"innodb_file_per_table", "innodb_system", "innodb_temporary"}

// connectFiles are the options of a CONNECT table that say where its file is.
var connectFiles = []string{"FILE_NAME"}

func (s *Statement) isConnect() bool {
	for i := range s.Tokens {
		if s.Word(i) == "ENGINE" {
			return s.Word(s.value(i+1)) == "CONNECT"
		}
	}
	return false
}

// value returns the token of an option's value, which may follow an equals sign.
func (s *Statement) value(i int) int {
	if s.Symbol(i, '=') {
		return i + 1
	}
	return i
}

func (s *Statement) isText(i int) bool { return i < len(s.Tokens) && s.Tokens[i].Kind == sqltext.Text }

// cutOption removes an option. Options of a table may be separated by commas, those of a partition are not.
func (s *Statement) cutOption(first, last, depth int) {
	start, end := s.Tokens[first].Start, s.Tokens[last].End
	switch {
	case depth > 0:
	case s.Symbol(first-1, ','):
		start = s.Tokens[first-1].Start
	case s.Symbol(last+1, ','):
		end = s.Tokens[last+1].End
	}
	s.Edits.Replace(start, end, "")
}

// keepUnion removes other databases' tables from the list that begins at a token, and the dump's own database from
// the names of the others.
func (w *Rewriter) keepUnion(s *Statement, open int) {
	var kept, gone []string
	end := open
	for i := open + 1; i < len(s.Tokens) && !s.Symbol(i, ')'); i++ {
		end = i
		switch {
		case !s.IsName(i) || s.Symbol(i-1, '.'):
		case !s.Symbol(i+1, '.'):
			kept = append(kept, mysql.QuoteName(s.NameAt(i)))
		case w.isOwn(s.NameAt(i)):
			kept = append(kept, mysql.QuoteName(s.NameAt(i+2)))
		default:
			gone = append(gone, s.NameAt(i)+"."+s.NameAt(i+2))
		}
	}
	if end == open {
		return
	}
	s.Edits.Replace(s.Tokens[open+1].Start, s.Tokens[end].End, strings.Join(kept, ","))
	for _, name := range gone {
		w.Once.Lose("union "+s.TableName()+" "+name, fmt.Sprintf("table %s comes without the rows of %s, which is of another database", s.TableName(), name))
	}
}

// isOwn says whether a name is that of the dump's own database, as far as that is known.
func (w *Rewriter) isOwn(database string) bool { return strings.EqualFold(database, w.Database) }

// takenOff notes that a table is loaded without an option.
func (w *Rewriter) takenOff(s *Statement, option string) {
	table := s.TableName()
	w.Once.Lose("outside "+table+" "+option, fmt.Sprintf("table %s comes without its %s: its files lie in the folder of the database", table, option))
}

// TableName returns the name of the table in a CREATE or ALTER TABLE.
func (s *Statement) TableName() string {
	at := s.Find("TABLE") + 1
	for slices.Contains([]string{"IF", "NOT", "EXISTS", "IGNORE"}, s.Word(at)) {
		at++
	}
	if s.Symbol(at+1, '.') {
		at += 2
	}
	return s.NameAt(at)
}

// OutsideOption returns the option in a table's definition that puts its files elsewhere; "" if there is none.
func OutsideOption(definition string) string {
	s := Parse([]byte(definition))
	for i := range s.Tokens {
		if s.Word(i) == "DIRECTORY" && (s.Word(i-1) == "DATA" || s.Word(i-1) == "INDEX") && s.isText(s.value(i+1)) {
			return s.Word(i-1) + " DIRECTORY"
		}
	}
	return ""
}
