// Package admit decides what a PostgreSQL server is sent of a dump, and by which account: it knows the statements that dumps consist of.
package admit

import (
	"errors"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Statement returns nil if a statement may be sent to the server, and otherwise an error that says why not. confined means that it is sent
// by an account that reaches nothing but the database that is being loaded. Without such an account, statements that may do anything are
// refused unless they are exactly what dump programs write.
func Statement(text []byte, confined bool) error {
	s := read(text)
	switch {
	case len(s.Tokens) == 0:
		return nil
	case s.Begins("COPY"):
		return s.copy()
	case s.Begins("CREATE") || s.Begins("ALTER") || s.Begins("DROP"):
		return s.defines(confined)
	case !slices.ContainsFunc(verbs, func(verb string) bool { return s.Begins(verb) }):
		return errUnknown
	case confined:
		return nil
	case s.Begins("SELECT"):
		return s.selects()
	case s.Begins("DO") && s.setsDatabase():
		return nil
	case s.Begins("DO"), s.Begins("CALL"), s.Begins("WITH"), s.Begins("EXECUTE"):
		return errAnything
	case s.several():
		return errSeveral
	}
	return nil
}

var (
	errUnknown  = errors.New("no dump has such a statement, and it might reach outside the database")
	errFile     = errors.New("its rows are not in the dump: it reads or writes elsewhere")
	errAnything = errors.New("it may do anything, and the account that loads the dump is not confined to its database")
	errSeveral  = errors.New("it is more than one statement")
	errLanguage = errors.New("its language may do anything, and the account that loads the dump is not confined to its database")
)

// verbs begin the statements that work within a database, apart from CREATE, ALTER, DROP and COPY.
var verbs = []string{
	"SET", "RESET", "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "WITH", "MERGE", "DO", "CALL", "LOCK", "COMMENT", "GRANT", "REVOKE", "REFRESH",
	"SECURITY", "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "ANALYZE", "VACUUM", "REINDEX", "CLUSTER", "SHOW",
	"DISCARD", "TABLE", "VALUES", "EXECUTE", "DEALLOCATE",
}

// kinds are the kinds of objects that dumps create, alter and drop. Those of a server and of other databases are among them: the load skips
// statements about these.
var kinds = []string{
	"SCHEMA", "TABLE", "INDEX", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "TRIGGER", "EVENT TRIGGER",
	"RULE", "POLICY", "TYPE", "DOMAIN", "CAST", "OPERATOR", "COLLATION", "CONVERSION", "LANGUAGE", "STATISTICS", "SERVER", "FOREIGN DATA WRAPPER",
	"FOREIGN TABLE", "USER MAPPING", "PUBLICATION", "SUBSCRIPTION", "TRANSFORM", "EXTENSION", "ACCESS METHOD", "TEXT SEARCH", "DEFAULT PRIVILEGES",
	"LARGE OBJECT", "DATABASE", "ROLE", "USER", "GROUP", "TABLESPACE", "SYSTEM", "OWNED",
}

// adjectives stand between CREATE and the kind of an object.
var adjectives = []string{"OR", "REPLACE", "GLOBAL", "LOCAL", "TEMPORARY", "TEMP", "UNLOGGED", "UNIQUE", "RECURSIVE", "CONSTRAINT", "DEFAULT", "TRUSTED", "PROCEDURAL"}

// defines judges CREATE, ALTER and DROP.
func (s *statement) defines(confined bool) error {
	at := s.kind()
	if !slices.ContainsFunc(kinds, func(kind string) bool { return s.Is(at, strings.Fields(kind)...) }) {
		return errUnknown
	}
	if confined {
		return nil
	}
	if s.Begins("CREATE") && (s.Is(at, "FUNCTION") || s.Is(at, "PROCEDURE")) {
		if slices.Contains([]string{"c", "internal"}, s.language()) || strings.HasSuffix(s.language(), "u") {
			return errLanguage
		}
		return nil // a body of its own may have semicolons
	}
	if s.several() && !s.Is(at, "RULE") {
		return errSeveral
	}
	return nil
}

// kind is the token with the kind of the object that a CREATE, ALTER or DROP is about.
func (s *statement) kind() int {
	at := 1
	if s.Is(1, "DEFAULT", "PRIVILEGES") {
		return at
	}
	for at < len(s.Tokens) && slices.ContainsFunc(adjectives, func(word string) bool { return s.Is(at, word) }) {
		at++
	}
	return at
}

// language is the language of a function, in lower case.
func (s *statement) language() string {
	for i, depth := range s.Depths {
		if depth == 0 && s.Is(i, "LANGUAGE") && i+1 < len(s.Tokens) {
			return strings.ToLower(strings.Trim(s.Tokens[i+1].Name(s.Text), "'"))
		}
	}
	return ""
}

// copy judges a COPY: its rows follow in the dump.
func (s *statement) copy() error {
	at := s.name(1)
	if at > 1 && s.Is(at, "(") {
		for at++; at < len(s.Tokens) && (s.IsName(at) || s.Is(at, ",")); {
			at++
		}
		if !s.Is(at, ")") {
			return errFile
		}
		at++
	}
	if at == 1 || !s.Is(at, "FROM", "STDIN") {
		return errFile
	}
	return nil
}

// calls are the functions that dump programs call. Each takes values, and no expressions.
var calls = []string{"set_config", "setval", "lo_create", "lo_creat", "lo_open", "lowrite", "lo_close", "lo_unlink", "lo_from_bytea", "lo_put"}

// words are those that may be among the values of such a call.
var words = []string{"pg_catalog", "regclass", "lo_create", "true", "false", "null"}

// selects judges a SELECT of an account that is not confined: a call with values, and no expressions.
func (s *statement) selects() error {
	at := s.name(1)
	switch {
	case s.setsKnown(), s.unlinksKnown():
		return nil
	case at == 1, !s.Is(at, "("), !slices.Contains(calls, strings.ToLower(s.Tokens[at-1].Name(s.Text))), at == 4 && !s.Is(1, "pg_catalog"), at > 4:
		return errAnything
	}
	for i := at; i < len(s.Tokens); i++ {
		word := strings.ToLower(s.raw(i))
		switch s.Tokens[i].Kind {
		case sqltext.Text:
		case sqltext.Symbol:
			if !strings.Contains("(),.-:", word) {
				return errAnything
			}
		default:
			if !isNumber(word) && !slices.Contains(words, word) {
				return errAnything
			}
		}
	}
	return nil
}

// setsKnown reports whether it is what a refresh writes for settings that not every server knows.
func (s *statement) setsKnown() bool {
	_, is := s.like("SELECT pg_catalog.set_config(name, *, false) FROM pg_catalog.pg_settings WHERE name = *")
	return is
}

// unlinksKnown reports whether it is what pg_dump --if-exists writes to take a large object away.
func (s *statement) unlinksKnown() bool {
	_, is := s.like("SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = *")
	return is
}

// setsDatabase reports whether it is what a refresh writes for a setting of the database.
func (s *statement) setsDatabase() bool {
	body, tagged := strings.CutPrefix(s.raw(len(s.Tokens)-1), "$dump$")
	if len(s.Tokens) != 2 || !tagged {
		return false
	}
	made, is := read([]byte(strings.TrimSuffix(body, "$dump$"))).like("BEGIN EXECUTE 'ALTER DATABASE ' || pg_catalog.quote_ident(pg_catalog.current_database()) || *;" +
		" EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END")
	if !is || !strings.HasPrefix(made[0], "'") {
		return false
	}
	setting := read([]byte(strings.ReplaceAll(strings.Trim(made[0], "'"), "''", "'")))
	return setting.Begins("SET") && !setting.several()
}

// like compares the statement with a form, in which * stands for a text, and returns these texts.
func (s *statement) like(form string) (texts []string, is bool) {
	want := read([]byte(form))
	if len(want.Tokens) != len(s.Tokens) {
		return nil, false
	}
	for i, token := range want.Tokens {
		switch {
		case token.IsSymbol(want.Text, '*') && s.Tokens[i].Kind == sqltext.Text:
			texts = append(texts, s.raw(i))
		case !strings.EqualFold(want.raw(i), s.raw(i)):
			return nil, false
		}
	}
	return texts, true
}

func isNumber(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }

// AboutServer reports whether a statement is about what all databases have in common, or about who executes it: dumps have such ones, and
// they are skipped.
func AboutServer(text []byte) bool {
	s := read(text)
	switch {
	case s.Begins("GRANT"), s.Begins("REVOKE"):
		on := s.Find(0, 0, "ON")
		return on < 0 || s.Is(on+1, "DATABASE") || s.Is(on+1, "TABLESPACE") || s.Is(on+1, "PARAMETER")
	case s.Begins("SET"), s.Begins("RESET"):
		at := 1
		for s.Is(at, "LOCAL") || s.Is(at, "SESSION") && !s.Is(at, "SESSION", "AUTHORIZATION") {
			at++
		}
		return s.Is(at, "SESSION", "AUTHORIZATION") || slices.Contains([]string{"role", "session_authorization"}, strings.Join(s.parts(at), "."))
	}
	return false
}

// SearchPath reads a statement that sets the search path, as pg_dump or a person writes it; false if it does something else.
func SearchPath(text []byte) (path string, is bool) {
	s := read(text)
	at := 3
	switch {
	case s.Begins("SET", "search_path"):
		if !s.Is(2, "=") && !s.Is(2, "TO") {
			return "", false
		}
	case s.Begins("SELECT", "pg_catalog", ".", "set_config", "(") && len(s.Tokens) > 5 && s.raw(5) == "'search_path'" && s.Is(6, ",") && len(s.Tokens) > 7:
		return strings.ReplaceAll(strings.Trim(s.raw(7), "'"), "''", "'"), s.Tokens[7].Kind == sqltext.Text
	default:
		return "", false
	}
	var names []string
	for ; at < len(s.Tokens); at++ {
		switch {
		case s.Is(at, ","):
		case s.IsName(at):
			names = append(names, s.raw(at))
		case s.Tokens[at].Kind == sqltext.Text:
			if name := strings.Trim(s.raw(at), "'"); name != "" {
				names = append(names, postgres.QuoteIdentifier(name))
			}
		default:
			return "", false
		}
	}
	return strings.Join(names, ", "), true
}
