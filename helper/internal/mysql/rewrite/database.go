package rewrite

import (
	"context"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A dump may say which character set and collation its database has. The local database keeps its own. But a text in a routine
// whose type names no character set has that default, and so has a table that names none. So the scratch database gets the
// dump's default.

// ofDatabase returns, for a CREATE, ALTER or DROP DATABASE, the statement that gives the scratch database the same default; nil
// if the statement names none.
func (w *Rewriter) ofDatabase(ctx context.Context, s *Statement) ([]byte, error) {
	at := s.Find("DATABASE", "SCHEMA") + 1
	for s.Word(at) == "IF" || s.Word(at) == "NOT" || s.Word(at) == "EXISTS" {
		at++
	}
	if at < len(s.Tokens) && s.Tokens[at].Kind != sqltext.Symbol && !(s.Verb == "ALTER" && s.isDatabaseOption(at)) {
		if err := w.meets(unquoted(s.Text, s.Tokens[at])); err != nil {
			return nil, err
		}
		at++
	}
	if s.Verb == "DROP" {
		return nil, nil
	}
	var charset, collation string
	for ; at < len(s.Tokens); at++ {
		value := 0
		switch {
		case s.words(at, "CHARACTER", "SET"):
			value = s.value(at + 2)
		case s.Word(at) == "CHARSET", s.Word(at) == "COLLATE":
			value = s.value(at + 1)
		}
		if value == 0 || value >= len(s.Tokens) {
			continue
		}
		if name := unquoted(s.Text, s.Tokens[value]); !isPlainWord(name) {
			continue
		} else if s.Word(at) == "COLLATE" {
			collation = " COLLATE " + name
		} else {
			charset = " CHARACTER SET " + name
		}
	}
	if charset == "" && collation == "" {
		return nil, nil
	}
	s = Parse([]byte("ALTER DATABASE" + charset + collation))
	// Nothing need use the default, so a nearest one is nothing to tell.
	silent := *w
	silent.Collations = &Collations{Ask: w.Collations.Ask, Once: target.NewOnce(func(string) {}), Nearest: map[string]string{}}
	if err := silent.replaceCollations(ctx, s); err != nil {
		return nil, err
	}
	return s.Edits.Apply(s.Text), nil
}

// isDatabaseOption reports whether what follows ALTER DATABASE is not a name.
func (s *Statement) isDatabaseOption(at int) bool {
	switch s.Word(at) {
	case "DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT", "ENCRYPTION":
		return true
	}
	return false
}

// isPlainWord reports whether a text is the name of a character set or a collation.
func isPlainWord(name string) bool {
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
