package localdb

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// dropsNothing says whether a statement drops, if it exists, what no statement before it can have made. Dumps have such a one in front
// of each table; the server asks all of its engines for the table then, and waits for the disk seven times.
func (l *mysqlLoad) dropsNothing(s *statement) bool {
	if s.verb != "DROP" || l.unnamed || l.crew.alone { // a transaction of the dump's own ends with what it drops
		return false
	}
	at := s.find("EXISTS")
	return at >= 0 && !slices.ContainsFunc(s.tokens[at+1:], func(token sqltext.Token) bool { return l.named[s.foldedName(token)] })
}

// remember notes what a statement may make.
func (l *mysqlLoad) remember(s *statement) {
	switch s.verb {
	case "CREATE", "ALTER", "RENAME":
		for _, token := range s.tokens {
			if token.Kind != sqltext.Symbol {
				l.named[s.foldedName(token)] = true
			}
		}
	case "CALL", "EXECUTE", "BEGIN": // BEGIN may be that of a block
		l.unnamed = true
	}
}

// foldedName is the name that a token may be, in small letters: under some settings names stand in double quotes.
func (s *statement) foldedName(token sqltext.Token) string {
	return strings.ToLower(strings.Trim(token.Name(s.text), "\"'"))
}
