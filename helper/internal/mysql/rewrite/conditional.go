package rewrite

import (
	"bytes"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// conditional is a part of a statement in a comment that only some servers execute: /*!80023 INVISIBLE */ for MySQL
// since 8.0.23, /*M!100301 COMPRESSED*/ for MariaDB since 10.3.1. Other servers ignore it.
type conditional struct {
	start, end  int // in the text, with the comment's delimiters
	first, last int // its tokens; last is the one after
	mysql.Comment
}

// conditionals finds the conditional parts of a statement.
func (s *Statement) conditionals() (all []conditional) {
	at, open := 0, conditional{start: -1}
	for i := 0; i <= len(s.Tokens); i++ {
		to := len(s.Text)
		if i < len(s.Tokens) {
			to = s.Tokens[i].Start
		}
		for at < to {
			rest := s.Text[at:to]
			comment, length, _ := mysql.ReadComment(rest)
			switch {
			case length > 0:
				open = conditional{start: at, first: i, Comment: comment}
				at += length
			case bytes.HasPrefix(rest, []byte("*/")):
				if open.start >= 0 {
					open.end, open.last = at+len("*/"), i
					all = append(all, open)
					open.start = -1
				}
				at += len("*/")
			case bytes.HasPrefix(rest, []byte("/*")):
				if end := bytes.Index(rest, []byte("*/")); end >= 0 {
					at += end + len("*/")
				} else {
					at = to
				}
			default:
				at++
			}
		}
		if i < len(s.Tokens) {
			at = s.Tokens[i].End
		}
	}
	return all
}

// element is a column, key or constraint in the definition of a table.
type element struct {
	first, last int // its tokens; last is the one after
}

// elements returns the elements between the first brackets of a statement, and the token after the closing bracket;
// none if there are no brackets.
func (s *Statement) elements() (all []element, behind int) {
	depth, from := 0, 0
	for i := range s.Tokens {
		switch {
		case s.Symbol(i, '('):
			if depth++; depth == 1 {
				from = i + 1
			}
		case s.Symbol(i, ')'):
			if depth--; depth == 0 {
				return append(all, element{from, i}), i + 1
			}
		case s.Symbol(i, ',') && depth == 1:
			all = append(all, element{from, i})
			from = i + 1
		}
	}
	return nil, len(s.Tokens)
}

// words says whether these words follow one another, beginning at a token.
func (s *Statement) words(at int, words ...string) bool {
	for i, word := range words {
		if s.Word(at+i) != word {
			return false
		}
	}
	return true
}

// describe names an element for notes: "column a".
func (s *Statement) describe(e element) string {
	for i := e.first; i < e.last; i++ {
		switch s.Word(i) {
		case "CONSTRAINT":
			return "constraint " + s.NameAt(i+1)
		case "PRIMARY":
			return "primary key"
		case "KEY", "INDEX":
			return "key " + s.NameAt(i+1)
		case "UNIQUE", "FULLTEXT", "SPATIAL":
		default:
			if s.isVectorKey(element{i, e.last}) {
				return "key " + s.NameAt(i+2)
			}
			return "column " + s.NameAt(i)
		}
	}
	return ""
}

// Made returns the name of the table that a statement creates or alters, without its database.
func (s *Statement) Made() string { return s.nameAfter("TABLE") }
