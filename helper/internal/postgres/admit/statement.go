package admit

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// statement is the text of a statement as tokens.
type statement struct {
	text   []byte
	tokens []sqltext.Token
	depths []int // how many parentheses are open at each token
}

func read(text []byte) *statement {
	s := &statement{text: text, tokens: sqltext.Tokens(text, sqltext.Postgres)}
	depth := 0
	for _, token := range s.tokens {
		if token.IsSymbol(text, ')') {
			depth--
		}
		s.depths = append(s.depths, depth)
		if token.IsSymbol(text, '(') {
			depth++
		}
	}
	return s
}

// is reports whether keywords or symbols follow one another from token i on.
func (s *statement) is(i int, words ...string) bool {
	if i < 0 || i+len(words) > len(s.tokens) {
		return false
	}
	for n, word := range words {
		token := s.tokens[i+n]
		if token.Kind == sqltext.Symbol && len(word) == 1 && token.IsSymbol(s.text, word[0]) {
			continue
		}
		if !token.Is(s.text, word) {
			return false
		}
	}
	return true
}

func (s *statement) begins(words ...string) bool { return s.is(0, words...) }

// several reports whether it may be more than one statement.
func (s *statement) several() bool {
	for i := range s.tokens {
		if s.is(i, ";") {
			return true
		}
	}
	return false
}

// find returns the next token from i on at which words begin outside of parentheses; -1 if there is none.
func (s *statement) find(i int, words ...string) int {
	for ; i < len(s.tokens); i++ {
		if s.depths[i] == 0 && s.is(i, words...) {
			return i
		}
	}
	return -1
}

func (s *statement) isName(i int) bool {
	return i >= 0 && i < len(s.tokens) && (s.tokens[i].Kind == sqltext.Word || s.tokens[i].Kind == sqltext.QuotedName)
}

// name returns the token after the name, of one or more parts, that begins at token i; i if there is none.
func (s *statement) name(i int) int {
	if !s.isName(i) {
		return i
	}
	for i++; s.is(i, ".") && s.isName(i+1); {
		i += 2
	}
	return i
}

// parts are those of the name that begins at token i.
func (s *statement) parts(i int) (parts []string) {
	for end := s.name(i); i < end; i += 2 {
		name := s.tokens[i].Name(s.text)
		if s.tokens[i].Kind == sqltext.Word {
			name = strings.ToLower(name)
		}
		parts = append(parts, name)
	}
	return parts
}

func (s *statement) raw(i int) string { return string(s.text[s.tokens[i].Start:s.tokens[i].End]) }

// plain is the statement without comments: as it was read, and not as a server might read it that sees them end elsewhere.
func (s *statement) plain() string {
	var text strings.Builder
	for i, token := range s.tokens {
		if i > 0 && s.tokens[i-1].End != token.Start {
			text.WriteByte(' ')
		}
		text.WriteString(s.raw(i))
	}
	return text.String()
}
