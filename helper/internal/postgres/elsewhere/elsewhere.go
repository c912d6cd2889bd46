// Package elsewhere takes out of a dump's statements what leads to other servers: addresses, accounts and passwords. They are secrets
// of staging, and a copy of its database must not work on the servers that staging works on.
package elsewhere

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Without returns what is left of a statement, nil if that is nothing. what says what was taken out, "" if nothing was: then the
// statement is as it was.
func Without(text []byte) (left []byte, what string) {
	s := statement{text: text}
	s.next()
	if s.is("ALTER") {
		if left, what = s.without(); what != "" {
			return nil, what // nothing else is in an ALTER that has options
		}
		return left, ""
	}
	if !s.is("CREATE") {
		return text, ""
	}
	return s.without()
}

// without does what Without does, after the first word.
func (s *statement) without() (left []byte, what string) {
	s.next()
	switch {
	case s.is("USER"):
		if s.next(); !s.is("MAPPING") {
			return s.text, ""
		}
		s.after("FOR")
		role := s.name()
		s.after("SERVER")
		return nil, "the user mapping of " + role + " for server " + s.name()
	case s.is("SUBSCRIPTION"):
		s.next()
		return nil, "subscription " + s.name()
	case s.is("SERVER"):
		name := s.named()
		return s.withoutOptions(func(string) bool { return true }, "the options of server "+name)
	case s.is("FOREIGN"):
		s.next()
		if s.is("DATA") { // WRAPPER
			s.next()
			name := s.named()
			return s.withoutOptions(func(string) bool { return true }, "the options of foreign-data wrapper "+name)
		}
		name := s.named()
		return s.withoutOptions(leads, "options of foreign table "+name)
	}
	return s.text, ""
}

// leads reports whether an option of a foreign table or of its columns says where another server is, or how to get in. Others, such as
// the name that a table has there, are part of what the database is.
func leads(option string) bool {
	option = strings.ToLower(option)
	for _, word := range []string{"pass", "secret", "token", "credential", "key_id", "apikey", "api_key", "access_key", "private_key", "auth",
		"host", "port", "user", "login", "url", "uri", "endpoint", "address", "server", "connstr", "connection", "dsn", "socket"} {
		if strings.Contains(option, word) {
			return true
		}
	}
	return false
}

// statement is a statement that is being read.
type statement struct {
	text  []byte
	token sqltext.Token
}

func (s *statement) next() { s.token = sqltext.NextToken(s.text, s.token.End, sqltext.Postgres) }

func (s *statement) is(word string) bool { return s.token.Is(s.text, word) }

func (s *statement) over() bool { return s.token.Kind == sqltext.End }

// name is the present token as a name.
func (s *statement) name() string { return s.token.Name(s.text) }

// named reads the name after the present word.
func (s *statement) named() string {
	for s.next(); s.is("IF") || s.is("NOT") || s.is("EXISTS") || s.is("ONLY"); {
		s.next()
	}
	parts, _, _ := sqltext.QualifiedName(s.text, s.token.Start, sqltext.Postgres)
	return sqltext.JoinName(parts)
}

// after goes to the token after the next such word.
func (s *statement) after(word string) {
	for s.next(); !s.over() && !s.is(word); {
		s.next()
	}
	s.next()
}

// withoutOptions takes out options, in every list of the statement.
func (s *statement) withoutOptions(out func(option string) bool, what string) ([]byte, string) {
	var edits sqltext.Edits
	found := false
	for ; !s.over(); s.next() {
		if !s.is("OPTIONS") {
			continue
		}
		list := s.token.Start
		if s.next(); !s.token.IsSymbol(s.text, '(') {
			continue
		}
		open := s.token
		kept, dropped := s.options(out)
		switch {
		case !dropped:
		case len(kept) == 0:
			edits.Replace(list, s.token.End, "")
		default:
			edits.Replace(open.End, s.token.Start, strings.Join(kept, ", "))
		}
		found = found || dropped
	}
	if !found {
		return s.text, ""
	}
	return edits.Apply(s.text), what
}

// options reads a list of options up to its closing parenthesis. It returns those that stay, and whether there are others.
func (s *statement) options(out func(option string) bool) (kept []string, dropped bool) {
	for s.next(); !s.over() && !s.token.IsSymbol(s.text, ')'); s.next() {
		if s.token.IsSymbol(s.text, ',') {
			continue
		}
		begin := s.token.Start
		if s.is("ADD") || s.is("SET") || s.is("DROP") {
			s.next()
		}
		name := s.name()
		value := sqltext.NextToken(s.text, s.token.End, sqltext.Postgres)
		if value.Kind == sqltext.Text {
			s.token = value
		}
		if out(name) {
			dropped = true
			continue
		}
		kept = append(kept, string(s.text[begin:s.token.End]))
	}
	return kept, dropped
}
