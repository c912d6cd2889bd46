package localdb

import (
	"bytes"
	"strconv"
	"strings"
)

// conditional is a part of a statement that stands in a comment which some servers execute: /*!80023 INVISIBLE */ those
// of MySQL since 8.0.23, /*M!100301 COMPRESSED*/ those of MariaDB since 10.3.1. To the others it is not there.
type conditional struct {
	start, end  int // in the text, with the comment's marks
	first, last int // its tokens; last is the one behind
	version     int // 0 for none
	mariadb     bool
}

// conditionals finds such parts of a statement.
func (s *statement) conditionals() (all []conditional) {
	at, open := 0, conditional{start: -1}
	for i := 0; i <= len(s.tokens); i++ {
		to := len(s.text)
		if i < len(s.tokens) {
			to = s.tokens[i].Start
		}
		for at < to {
			rest := s.text[at:to]
			var mark int
			switch {
			case bytes.HasPrefix(rest, []byte("/*!")):
				mark = len("/*!")
			case bytes.HasPrefix(rest, []byte("/*M!")):
				mark = len("/*M!")
			case bytes.HasPrefix(rest, []byte("*/")):
				if open.start >= 0 {
					open.end, open.last = at+len("*/"), i
					all = append(all, open)
					open.start = -1
				}
				at += len("*/")
				continue
			case bytes.HasPrefix(rest, []byte("/*")):
				if end := bytes.Index(rest, []byte("*/")); end >= 0 {
					at += end + len("*/")
					continue
				}
				at = to
				continue
			default:
				at++
				continue
			}
			digits := mark
			for digits < len(rest) && rest[digits]-'0' < 10 {
				digits++
			}
			version, _ := strconv.Atoi(string(rest[mark:digits]))
			open = conditional{start: at, first: i, version: version, mariadb: rest[2] == 'M'}
			at += digits
		}
		if i < len(s.tokens) {
			at = s.tokens[i].End
		}
	}
	return all
}

// serverKind is a server's family and version, as the comments of conditional parts give them: 101119 is 10.11.19.
type serverKind struct {
	mariadb bool
	version int
}

func kindOf(info Info) serverKind {
	kind := serverKind{mariadb: info.Engine == "mariadb"}
	for i, part := range strings.SplitN(info.Version, ".", 3) {
		number, _ := strconv.Atoi(part)
		kind.version += number * [...]int{10000, 100, 1}[i]
	}
	return kind
}

// skips says whether the server takes a conditional part for a comment. MariaDB does so with all that is MySQL's since 5.7.
func (k serverKind) skips(c conditional) bool {
	switch {
	case c.version == 0 && !c.mariadb:
		return false
	case !k.mariadb:
		return c.mariadb || c.version > k.version
	}
	return c.version > k.version || !c.mariadb && c.version >= 50700 && c.version < 100000
}

// element is a column, key or constraint in the definition of a table.
type element struct {
	first, last int // its tokens; last is the one behind
}

// elements are those between the first brackets of a statement, with the token behind these; none where there are no brackets.
func (s *statement) elements() (all []element, behind int) {
	depth, from := 0, 0
	for i := range s.tokens {
		switch {
		case s.symbol(i, '('):
			if depth++; depth == 1 {
				from = i + 1
			}
		case s.symbol(i, ')'):
			if depth--; depth == 0 {
				return append(all, element{from, i}), i + 1
			}
		case s.symbol(i, ',') && depth == 1:
			all = append(all, element{from, i})
			from = i + 1
		}
	}
	return nil, len(s.tokens)
}

// has says whether a word is in an element, outside of brackets.
func (s *statement) has(e element, words ...string) bool {
	depth := 0
	for i := e.first; i < e.last; i++ {
		switch {
		case s.symbol(i, '('):
			depth++
		case s.symbol(i, ')'):
			depth--
		case depth == 0 && s.words(i, words...):
			return true
		}
	}
	return false
}

// words says whether some words stand one after the other from a token on.
func (s *statement) words(at int, words ...string) bool {
	for i, word := range words {
		if s.word(at+i) != word {
			return false
		}
	}
	return true
}

// describe says what an element is: "column a".
func (s *statement) describe(e element) string {
	for i := e.first; i < e.last; i++ {
		switch s.word(i) {
		case "CONSTRAINT":
			return "constraint " + s.nameAt(i+1)
		case "PRIMARY":
			return "primary key"
		case "KEY", "INDEX":
			return "key " + s.nameAt(i+1)
		case "UNIQUE", "FULLTEXT", "SPATIAL":
		default:
			return "column " + s.nameAt(i)
		}
	}
	return ""
}

// made is the name of the table that a statement makes or alters, without its database's.
func (s *statement) made() string {
	at := s.find("TABLE") + 1
	for s.words(at, "IF") || s.words(at, "NOT") || s.words(at, "EXISTS") {
		at++
	}
	for s.symbol(at+1, '.') {
		at += 2
	}
	return s.nameAt(at)
}
