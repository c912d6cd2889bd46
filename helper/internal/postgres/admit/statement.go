package admit

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// statement is a statement that is judged.
type statement struct{ postgres.Statement }

func read(text []byte) *statement { return &statement{postgres.ReadStatement(text)} }

// several reports whether it may be more than one statement.
func (s *statement) several() bool {
	for i := range s.Tokens {
		if s.Is(i, ";") {
			return true
		}
	}
	return false
}

// name returns the token after the name, of one or more parts, that begins at token i; i if there is none.
func (s *statement) name(i int) int {
	if !s.IsName(i) {
		return i
	}
	for i++; s.Is(i, ".") && s.IsName(i+1); {
		i += 2
	}
	return i
}

// parts are those of the name that begins at token i.
func (s *statement) parts(i int) (parts []string) {
	for end := s.name(i); i < end; i += 2 {
		name := s.Tokens[i].Name(s.Text)
		if s.Tokens[i].Kind == sqltext.Word {
			name = strings.ToLower(name)
		}
		parts = append(parts, name)
	}
	return parts
}

func (s *statement) raw(i int) string { return string(s.Text[s.Tokens[i].Start:s.Tokens[i].End]) }

// plain is the statement without comments: as it was read, and not as a server might read it that sees them end elsewhere.
func (s *statement) plain() string {
	var text strings.Builder
	for i, token := range s.Tokens {
		if i > 0 && s.Tokens[i-1].End != token.Start {
			text.WriteByte(' ')
		}
		text.WriteString(s.raw(i))
	}
	return text.String()
}
