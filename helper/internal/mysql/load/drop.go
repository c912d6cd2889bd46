package load

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// dropsNothing says whether a DROP … IF EXISTS names something that no earlier statement can have made. Dumps have
// such a statement before each table. The server would ask all its engines for the table, and wait for the disk seven
// times.
func (l *Load) dropsNothing(s *rewrite.Statement) bool {
	if s.Verb != "DROP" || l.unnamed || l.Pool.Alone { // a DROP ends a transaction of the dump
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
	case "CALL", "EXECUTE", "BEGIN": // BEGIN may start a block
		l.unnamed = true
	}
}

// foldedName is the name that a token may be, in lower case. Under some settings names stand in double quotes.
func foldedName(s *rewrite.Statement, token sqltext.Token) string {
	return strings.ToLower(strings.Trim(token.Name(s.Text), "\"'"))
}
