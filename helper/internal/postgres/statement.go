package postgres

import "github.com/jobiqo/dump-refresh/helper/internal/sqltext"

// Statement is the text of a statement as tokens.
type Statement struct {
	Text   []byte
	Tokens []sqltext.Token
	Depths []int // how many parentheses are open at each token; those themselves count as outside
}

// ReadStatement cuts a statement into tokens.
func ReadStatement(text []byte) Statement {
	s := Statement{Text: text, Tokens: sqltext.Tokens(text, sqltext.Postgres)}
	depth := 0
	for _, token := range s.Tokens {
		if token.IsSymbol(text, ')') {
			depth--
		}
		s.Depths = append(s.Depths, depth)
		if token.IsSymbol(text, '(') {
			depth++
		}
	}
	return s
}

// Is reports whether keywords and symbols follow one another from token i on.
func (s *Statement) Is(i int, words ...string) bool {
	if i < 0 || i+len(words) > len(s.Tokens) {
		return false
	}
	for n, word := range words {
		token := s.Tokens[i+n]
		if len(word) == 1 && token.IsSymbol(s.Text, word[0]) {
			continue
		}
		if !token.Is(s.Text, word) {
			return false
		}
	}
	return true
}

// Begins reports whether the statement begins with keywords.
func (s *Statement) Begins(words ...string) bool { return s.Is(0, words...) }

// Find returns the next token from i on at which words begin at a depth; -1 if there is none.
func (s *Statement) Find(i, depth int, words ...string) int {
	for ; i < len(s.Tokens); i++ {
		if s.Depths[i] == depth && s.Is(i, words...) {
			return i
		}
	}
	return -1
}

// IsName reports whether token i is a name or a keyword.
func (s *Statement) IsName(i int) bool {
	return i >= 0 && i < len(s.Tokens) && (s.Tokens[i].Kind == sqltext.Word || s.Tokens[i].Kind == sqltext.QuotedName)
}
