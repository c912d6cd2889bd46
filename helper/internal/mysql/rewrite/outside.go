package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// The files of a table can lie elsewhere than in the folder of its database: a link in there tells the server where. When MariaDB moves the
// table to another database it leaves the link where it was, and with that database's folder it goes: started again, the server has the
// table no more. So no table comes with such an option, and none that has it is moved.

// keepInside takes off a CREATE or ALTER TABLE what makes its files lie outside of the folder of its database, or its rows be those of another
// database's tables, and tells the user.
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

// ownTablespaces are those that every server of MySQL has.
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

// value gives the token of an option's value, before which there may be an equals sign.
func (s *Statement) value(i int) int {
	if s.Symbol(i, '=') {
		return i + 1
	}
	return i
}

func (s *Statement) isText(i int) bool { return i < len(s.Tokens) && s.Tokens[i].Kind == sqltext.Text }

// cutOption takes an option off. Those of a table may have commas between them, those of a partition have none.
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

// keepUnion takes the tables of other databases out of the list that begins at a token, and the dump's own database off the names of the others.
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
		w.Once.About("union "+s.TableName()+" "+name, fmt.Sprintf("table %s comes without the rows of %s, which is of another database", s.TableName(), name))
	}
}

// isOwn says whether a name is that of the dump's own database, as far as that is known.
func (w *Rewriter) isOwn(database string) bool { return strings.EqualFold(database, w.Database) }

// takenOff tells the user that a table comes without an option.
func (w *Rewriter) takenOff(s *Statement, option string) {
	table := s.TableName()
	w.Once.About("outside "+table+" "+option, fmt.Sprintf("table %s comes without its %s: its files lie in the folder of the database", table, option))
}

// TableName gives the name of the table that a CREATE or ALTER TABLE is about.
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

// OutsideOption names the option of a table's definition that puts its files elsewhere; "" where there is none.
func OutsideOption(definition string) string {
	s := Parse([]byte(definition))
	for i := range s.Tokens {
		if s.Word(i) == "DIRECTORY" && (s.Word(i-1) == "DATA" || s.Word(i-1) == "INDEX") && s.isText(s.value(i+1)) {
			return s.Word(i-1) + " DIRECTORY"
		}
	}
	return ""
}
