package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// typesOfOne are types that not all servers have: the versions of MariaDB and MySQL since which they do, and a type of
// all servers that takes the same values as text, or the same bytes.
var typesOfOne = map[string]struct {
	mariadb, mysql int
	instead        string
}{
	"UUID":   {100700, 0, "char(36) CHARACTER SET ascii COLLATE ascii_general_ci"},
	"INET6":  {100500, 0, "varchar(39) CHARACTER SET ascii COLLATE ascii_general_ci"},
	"INET4":  {101000, 0, "varchar(15) CHARACTER SET ascii COLLATE ascii_general_ci"},
	"VECTOR": {110701, 90000, "varbinary(%d)"},
}

// adaptType replaces a column's type that the server does not have.
func (w *Rewriter) adaptType(s *Statement, e element, changes *sqltext.Edits) {
	at := e.first + 1
	word := s.Word(at)
	if word == "YEAR" && !w.Server.IsMariaDB() && s.Symbol(at+1, '(') && s.NameAt(at+2) == "2" {
		changes.Replace(s.Tokens[at].Start, s.Tokens[at+3].End, "year")
		w.instead(s, e, "year(2)", "year")
		return
	}
	kind, known := typesOfOne[word]
	if !known || w.Server.Since(kind.mariadb, kind.mysql) {
		return
	}
	instead, last := kind.instead, at
	if s.Symbol(at+1, '(') {
		var dimensions int
		_, _ = fmt.Sscan(s.NameAt(at+2), &dimensions)
		instead, last = fmt.Sprintf(instead, 4*dimensions), s.closing(at+1)
	}
	changes.Replace(s.Tokens[at].Start, s.Tokens[last].End, instead)
	shown, _, _ := strings.Cut(instead, " ")
	w.instead(s, e, "the type "+s.between(at, last+1), shown)
}

// instead notes what takes the place of something in a table.
func (w *Rewriter) instead(s *Statement, e element, what, instead string) {
	where := "table " + s.Made() + ", " + s.describe(e)
	w.Once.Lose(where+what, where+": this server does not know "+what+": "+instead+" takes its place")
}

// withoutLiteral are the types whose default must be an expression in MySQL.
var withoutLiteral = slices.Concat(wholeTexts, []string{"JSON"}, geometries)

// wholeTexts are the types of which a key takes a prefix only, except for unique keys of newer MariaDB.
var wholeTexts = []string{"TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"}

// adaptDefault puts a column's default into the form that the server takes. MySQL wants brackets around an expression, and
// around any default of a TEXT. MariaDB keeps the text of a default and reads it again later, and then stumbles over the
// character set before a literal.
func (w *Rewriter) adaptDefault(s *Statement, e element, changes *sqltext.Edits) {
	at := s.findIn(e, "DEFAULT")
	if at < 0 || at+1 >= e.last {
		return
	}
	from, end := at+1, min(s.valueEnd(at+1), e.last)
	if w.Server.IsMariaDB() {
		if s.Symbol(from, '(') && s.closing(from) == end-1 {
			first, last := from+1, end-1
			if strings.HasPrefix(s.Word(first), "_") && first+2 == last {
				first++
			}
			if s.isText(first) && first+1 == last {
				changes.Replace(s.Tokens[from].Start, s.Tokens[end-1].End, s.between(first, last))
			}
		}
		return
	}
	word := s.Word(from)
	literal := word == "" || word[0] < 'A' || s.isText(from+1) && from+2 == end
	switch {
	case s.Symbol(from, '('), word == "NULL", word == "TRUE", word == "FALSE", slices.Contains(nows, word):
		return
	case literal && !slices.Contains(withoutLiteral, s.Word(e.first+1)):
		return
	case w.Server.Number() < 80013:
		changes.Replace(s.Tokens[at].Start, s.Tokens[end-1].End, "")
		w.lacks(s.Made(), s.describe(e), s.between(at, end))
	default:
		changes.Replace(s.Tokens[from].Start, s.Tokens[end-1].End, "("+s.between(from, end)+")")
	}
}

// findIn returns the first token of an element, after its name and outside brackets, where words follow one another; -1 if there
// is none.
func (s *Statement) findIn(e element, words ...string) int {
	depth := 0
	for i := e.first; i < e.last; i++ {
		switch {
		case s.Symbol(i, '('):
			depth++
		case s.Symbol(i, ')'):
			depth--
		case depth == 0 && i > e.first && s.words(i, words...):
			return i
		}
	}
	return -1
}

// adaptVisibility removes what hides a column or a key from a server that cannot, or uses its own word.
func (w *Rewriter) adaptVisibility(s *Statement, e element, isKey bool, changes *sqltext.Edits) {
	if at := s.findIn(e, "IGNORED"); isKey && at > 0 && !w.Server.Since(knowsIgnored, 0) {
		word := "INVISIBLE"
		if !w.Server.Since(0, 80000) {
			word = ""
			w.lacks(s.Made(), "key "+s.keyName(e), "IGNORED")
		}
		changes.Replace(s.Tokens[at].Start, s.Tokens[at].End, word)
	}
	if at := s.findIn(e, "INVISIBLE"); !isKey && at > 0 && !s.conditional(at) && !w.Server.Since(knowsInvisible, 80023) {
		changes.Replace(s.Tokens[at].Start, s.Tokens[at].End, "")
		w.lacks(s.Made(), s.describe(e), "INVISIBLE")
	}
}

// conditional says whether a token is in a conditional comment.
func (s *Statement) conditional(at int) bool {
	return slices.ContainsFunc(s.conditionals(), func(c conditional) bool { return c.first <= at && at < c.last })
}

// optionsOfMySQL are the options of a table that MySQL knows. MariaDB has more, and engines there have their own.
var optionsOfMySQL = []string{"AUTOEXTEND_SIZE", "AUTO_INCREMENT", "AVG_ROW_LENGTH", "CHARACTER", "CHARSET", "CHECKSUM", "COLLATE", "COMMENT",
	"COMPRESSION", "CONNECTION", "DATA", "DELAY_KEY_WRITE", "ENCRYPTION", "ENGINE", "ENGINE_ATTRIBUTE", "INDEX", "INSERT_METHOD",
	"KEY_BLOCK_SIZE", "MAX_ROWS", "MIN_ROWS", "PACK_KEYS", "PASSWORD", "ROW_FORMAT", "SECONDARY_ENGINE", "SECONDARY_ENGINE_ATTRIBUTE",
	"START", "STATS_AUTO_RECALC", "STATS_PERSISTENT", "STATS_SAMPLE_PAGES", "STORAGE", "TABLESPACE", "TYPE", "UNION"}

// adaptOptions removes the options of a table that the server does not know.
func (w *Rewriter) adaptOptions(s *Statement, e element, changes *sqltext.Edits) {
	for _, option := range w.foreignOptions(s, e) {
		changes.Replace(s.Tokens[option.first].Start, s.Tokens[option.last-1].End, "")
		what := s.Word(option.first)
		if what != "COMPRESSION" {
			what = strings.ToUpper(s.NameAt(option.first)) + "=" + unquoted(s.Text, s.Tokens[option.last-1])
		}
		w.lacks(s.Made(), "", what)
	}
}

// unknownOptions says whether the server knows none of the options of an alteration.
func (w *Rewriter) unknownOptions(s *Statement, e element) bool {
	length := 0
	for _, option := range w.foreignOptions(s, e) {
		length += option.last - option.first
	}
	return length == e.last-e.first
}

// foreignOptions returns the options of a table that the server does not know, each with its value.
func (w *Rewriter) foreignOptions(s *Statement, e element) (all []element) {
	for at := e.first; at < e.last; {
		name := strings.ToUpper(s.NameAt(at))
		value := s.value(at + 1)
		switch {
		case s.Symbol(at, '('):
			at = s.closing(at) + 1
			continue
		case s.words(at, "PARTITION", "BY"), s.words(at, "WITH", "SYSTEM"):
			return all
		case !s.IsName(at), name == "DEFAULT", s.Word(at) == "SELECT", s.Word(at) == "AS":
			at++
			continue
		case s.words(at, "CHARACTER", "SET"), s.words(at, "DATA", "DIRECTORY"), s.words(at, "INDEX", "DIRECTORY"), s.words(at, "START", "TRANSACTION"):
			value = s.value(at + 2)
		case value >= e.last:
		case w.Server.IsMariaDB():
			if name == "COMPRESSION" && s.isText(value) {
				all = append(all, element{at, value + 1})
			}
		case !slices.Contains(optionsOfMySQL, name) && s.Symbol(at+1, '='), name == "ROW_FORMAT" && s.Word(value) == "PAGE":
			all = append(all, element{at, value + 1})
		}
		at = value + 1
	}
	return all
}
