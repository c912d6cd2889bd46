package load

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// dropsNothing says whether a statement drops, if it exists, what no statement before it can have made. Dumps have such a one in front
// of each table; the server asks all of its engines for the table then, and waits for the disk seven times.
func (l *Load) dropsNothing(s *rewrite.Statement) bool {
	if s.Verb != "DROP" || l.unnamed || l.Pool.Alone { // a transaction of the dump's own ends with what it drops
		return false
	}
	at := s.Find("EXISTS")
	return at >= 0 && !slices.ContainsFunc(s.Tokens[at+1:], func(token sqltext.Token) bool { return l.named[foldedName(s, token)] })
}

// remember notes what a statement may make.
func (l *Load) remember(s *rewrite.Statement) {
	switch s.Verb {
	case "CREATE", "ALTER", "RENAME":
		for _, token := range s.Tokens {
			if token.Kind != sqltext.Symbol {
				l.named[foldedName(s, token)] = true
			}
		}
	case "CALL", "EXECUTE", "BEGIN": // BEGIN may be that of a block
		l.unnamed = true
	}
}

// foldedName is the name that a token may be, in small letters: under some settings names stand in double quotes.
func foldedName(s *rewrite.Statement, token sqltext.Token) string {
	return strings.ToLower(strings.Trim(token.Name(s.Text), "\"'"))
}
