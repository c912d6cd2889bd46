package load

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// What the server does not take is left out with a note, and so is what depends on it, as psql goes on after an error. Tables and rows are
// never left out: without them the load fails.

// execute executes a statement. Within a transaction of the dump, an error undoes that statement alone.
func (l *Load) execute(ctx context.Context, s *session.Session, text []byte) error {
	first := sqltext.NextToken(text, 0, sqltext.Postgres)
	ends := slices.ContainsFunc([]string{"COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE"}, func(word string) bool { return first.Is(text, word) })
	if s.Conn.TxStatus() != 'T' || ends {
		return s.Exec(ctx, string(text))
	}
	err := s.Exec(ctx, "SAVEPOINT dump_statement;\n"+string(text)+"\n;RELEASE dump_statement")
	if s.Conn.TxStatus() == 'E' {
		if failed := s.Exec(ctx, "ROLLBACK TO dump_statement; RELEASE dump_statement"); failed != nil {
			return failed
		}
	}
	return err
}

// withoutIt goes on without what a statement defines, if the server refuses that. It says so, and returns an error if that must not be.
func (l *Load) withoutIt(ctx context.Context, s *session.Session, statement Statement, text []byte, err error) error {
	if !l.refuses(ctx, err) {
		return l.Failed(ctx, statement, err)
	}
	if postgres.IsUnknown(err) {
		if again := l.asOnTheSite(ctx, s, text); again == nil {
			return nil
		}
	}
	if table, is := createsTable(text); is {
		if postgres.IsUnknown(err) && l.withoutDefaults(ctx, s, table, text) {
			return nil
		}
		return l.withoutTable(ctx, statement, table, text, err)
	}
	what, follows := defines(text)
	switch {
	case l.unmade[belongsTo(text)]:
		return nil // without the table, the server may not even know the words
	case attachesTo(text) != "":
		return l.withoutTable(ctx, statement, attachesTo(text), text, err) // it would lack rows
	case l.refused != nil && !l.inChunks:
		return nil // what failed may need one of these tables, or the rows that do not come any more
	case what == "" && l.refused != nil:
		return l.refusedTables() // as above
	case what == "" && postgres.IsUnknown(err) && len(l.missing) > 0:
		if name := SetSequence(text); name != "" {
			l.once.Lose("sequence "+name, "the value of sequence "+strings.Trim(name, "'")+" is left out: it is an extension's")
			return nil
		}
		return l.missing[0]
	case what == "":
		return l.Failed(ctx, statement, err)
	case follows && postgres.IsUnknown(err) && len(l.once.Lost()) > 0:
		return nil // the note about what it belongs to is enough
	}
	fate := " is left out: "
	if _, _, is := Match(text, "REFRESH"); is {
		fate = " is left without rows: "
	}
	l.once.Lose(what+fate, what+fate+postgres.ServerMessage(err))
	return nil
}

// refuses reports whether an error is the server's judgement of a statement, so that the next one may succeed.
func (l *Load) refuses(ctx context.Context, err error) bool {
	code := postgres.SQLState(err)
	if code == "" || ctx.Err() != nil {
		return false
	}
	if kind := postgres.Classify(err); kind != fault.None && kind != fault.Privilege {
		return false
	}
	// Deadlocks, transactions, resources, limits, administrators: these are not about the statement.
	return !slices.Contains([]string{"08", "25", "40", "53", "54", "57"}, code[:2])
}

// asOnTheSite executes a statement with the search path of the site's sessions. pg_dump's is empty: a function that relies on the path
// does not work then, nor do indexes and views that call it.
func (l *Load) asOnTheSite(ctx context.Context, s *session.Session, text []byte) error {
	path, err := l.sitePath(ctx, s)
	if err != nil {
		return err
	}
	if s.Conn.TxStatus() == 'T' {
		rows, err := s.Query(ctx, "SELECT current_setting('search_path')")
		if err != nil {
			return err
		}
		// An error puts the path back as well.
		return l.execute(ctx, s, slices.Concat([]byte("SET LOCAL search_path = "+path+";\n"), text,
			[]byte(";\nSELECT pg_catalog.set_config('search_path', "+postgres.QuoteText(rows[0][0])+", true)")))
	}
	err = s.Exec(ctx, "BEGIN; SET LOCAL search_path = "+path+";\n"+string(text)+"\n;COMMIT")
	if s.Conn.TxStatus() != 'I' {
		if failed := s.Exec(ctx, "ROLLBACK"); failed != nil {
			return failed
		}
	}
	return err
}

// sitePath returns a search path: what the dump has set, what the database has as its own, and all its schemas.
func (l *Load) sitePath(ctx context.Context, s *session.Session) (string, error) {
	rows, err := s.Query(ctx, `SELECT concat_ws(', ', nullif(current_setting('search_path'), ''),
  (SELECT nullif(substr(c, 13), '') FROM pg_db_role_setting x JOIN pg_database d ON d.oid = x.setdatabase, unnest(x.setconfig) c
    WHERE d.datname = current_database() AND x.setrole = 0 AND c LIKE 'search_path=%'),
  '"$user", public',
  (SELECT string_agg(quote_ident(nspname), ', ' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'))`)
	if err != nil {
		return "", l.Server.Classify("ask for the schemas", err)
	}
	return rows[0][0], nil
}

// asTheSite gives the load's session the site's search path while rows come in, because generated columns and checks call functions that may
// rely on it, and takes it away afterwards.
func (l *Load) asTheSite(ctx context.Context, on bool) error {
	if on == (l.ownPath != nil) {
		return nil
	}
	if !on {
		_, err := exchangePath(ctx, l.Main, *l.ownPath)
		l.ownPath = nil
		return l.Server.Classify("set the search path", err)
	}
	path, err := l.sitePath(ctx, l.Main)
	if err != nil {
		return err
	}
	own, err := exchangePath(ctx, l.Main, path)
	if err != nil {
		return l.Server.Classify("set the search path", err)
	}
	l.ownPath = &own
	return nil
}

// exchangePath sets a session's search path and returns the one before.
func exchangePath(ctx context.Context, s *session.Session, path string) (before string, err error) {
	rows, err := s.Query(ctx, "SELECT current_setting('search_path'), set_config('search_path', $1, false)", path)
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}

// FailedRows says why rows could not be loaded; nil stays nil. Those of a table that a missing extension would have are left out.
func (l *Load) FailedRows(ctx context.Context, statement Statement, err error) error {
	unmade := postgres.SQLState(err) == postgres.UndefinedTable || postgres.SQLState(err) == postgres.UnknownSchema
	switch {
	case unmade && len(l.missing) == 0:
		return &target.RowsAloneError{Table: statement.Table, Err: postgres.Plain(err)}
	case err == nil || !postgres.IsUnknown(err) || len(l.missing) == 0:
		return l.Failed(ctx, statement, err)
	case !unmade:
		return l.missing[0]
	}
	l.unmade[statement.Table] = true
	l.once.Lose("rows of "+statement.Table, "the rows of table "+statement.Table+" are left out: it is an extension's")
	return nil
}

// SetSequence returns the sequence that a statement of pg_dump sets, as an SQL string; "" for other statements.
func SetSequence(text []byte) string {
	names, end, is := Match(text, "SELECT *")
	open := sqltext.NextToken(text, end, sqltext.Postgres)
	name := sqltext.NextToken(text, open.End, sqltext.Postgres)
	if !is || names[0] != "pg_catalog.setval" || !open.IsSymbol(text, '(') || name.Kind != sqltext.Text {
		return ""
	}
	return string(text[name.Start:name.End])
}

// guards reports whether a statement turns row security on.
func guards(text []byte) bool {
	return slices.ContainsFunc([]string{"ALTER TABLE * ENABLE ROW LEVEL SECURITY", "ALTER TABLE ONLY * ENABLE ROW LEVEL SECURITY",
		"ALTER TABLE * FORCE ROW LEVEL SECURITY", "ALTER TABLE ONLY * FORCE ROW LEVEL SECURITY"}, func(form string) bool {
		_, _, is := Match(text, form)
		return is
	})
}

// guard turns row security on. Before that, the owner of a table may read all of it.
func (l *Load) guard(ctx context.Context) error {
	for _, statement := range l.guards {
		if err := l.define(ctx, statement, FirstWords(statement.Text), statement.Text); err != nil {
			return err
		}
	}
	l.guards = nil
	return l.flush(ctx)
}

// ended fails if a transaction of the dump is still open: nothing of it would stay.
func (l *Load) ended() error {
	if l.Main.Conn.TxStatus() != 'I' {
		return target.ErrTransactionOpen
	}
	return nil
}

// kinds are the kinds of objects that may be left out, by the words after CREATE, ALTER or COMMENT ON. The longer ones come first.
var kinds = []string{
	"FOREIGN DATA WRAPPER", "TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE",
	"MATERIALIZED VIEW", "FOREIGN TABLE", "EVENT TRIGGER", "ACCESS METHOD", "OPERATOR CLASS", "OPERATOR FAMILY", "DEFAULT PRIVILEGES", "LARGE OBJECT",
	"EXTENSION", "INDEX", "VIEW", "FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "TRIGGER", "RULE", "POLICY", "TYPE", "DOMAIN", "CAST", "OPERATOR",
	"COLLATION", "CONVERSION", "LANGUAGE", "STATISTICS", "SERVER", "PUBLICATION", "TRANSFORM",
}

// adjectives stand between CREATE and the kind of the object, or between the kind and the object's name.
var adjectives = []string{"OR", "REPLACE", "UNIQUE", "RECURSIVE", "CONSTRAINT", "DEFAULT", "TRUSTED", "PROCEDURAL", "IF", "NOT", "EXISTS", "CONCURRENTLY", "ONLY"}

// defines says what a statement defines, "" if that must not be left out. follows means that it says something about an object that
// another statement has created.
func defines(text []byte) (what string, follows bool) {
	first := sqltext.NextToken(text, 0, sqltext.Postgres)
	switch {
	case first.Is(text, "CREATE"):
		return object(text, first.End), false
	case first.Is(text, "REFRESH"):
		names, _, _ := Match(text, "REFRESH MATERIALIZED VIEW *")
		return "materialized view " + strings.Join(names, ""), false
	case first.Is(text, "COMMENT"):
		on := sqltext.NextToken(text, first.End, sqltext.Postgres)
		return "the comment on " + about(text, on.End), true
	case first.Is(text, "GRANT"), first.Is(text, "REVOKE"):
		return "a " + string(text[first.Start:first.End]), true
	case !first.Is(text, "ALTER"):
		return "", false
	}
	if names, _, is := Match(text, "ALTER SEQUENCE *"); is {
		return "a property of sequence " + names[0], true
	}
	if what := object(text, first.End); what != "" {
		return "a property of " + what, true
	}
	for _, form := range []string{"ALTER TABLE ONLY *", "ALTER TABLE *"} {
		if names, end, is := Match(text, form); is {
			return ofTable(text, end, names[0])
		}
	}
	return "", false
}

// ofTable says what the rest of an ALTER TABLE changes, "" if a table without it would not be what it is.
func ofTable(text []byte, at int, table string) (what string, follows bool) {
	if names, _, is := Match(text[at:], "ADD CONSTRAINT *"); is {
		return "constraint " + names[0] + " of table " + table, false
	}
	if names, _, is := Match(text[at:], "ALTER COLUMN *"); is {
		return "a property of column " + names[0] + " of table " + table, false
	}
	for _, word := range []string{"ENABLE", "DISABLE", "FORCE", "CLUSTER", "REPLICA", "SET", "OWNER", "NO"} {
		if token := sqltext.NextToken(text, at, sqltext.Postgres); token.Is(text, word) {
			return "a property of table " + table, true
		}
	}
	return "", false
}

// object returns the kind and name of the object at an offset, "" for other kinds than those that may be left out.
func object(text []byte, at int) string {
	at = skip(text, at, adjectives)
	for _, kind := range kinds {
		_, end, is := Match(text[at:], kind)
		if !is {
			continue
		}
		at = skip(text, at+end, adjectives)
		parts, _, end := sqltext.QualifiedName(text, at, sqltext.Postgres)
		what := strings.ToLower(kind) + " " + sqltext.JoinName(parts)
		if len(parts) == 0 {
			what = strings.ToLower(kind)
		}
		if kind == "TRIGGER" || kind == "RULE" || kind == "POLICY" {
			if table := tableAfterOn(text, end); table != "" {
				what += " of table " + table
			}
		}
		return strings.TrimSpace(what)
	}
	return ""
}

// about returns what a comment is on.
func about(text []byte, at int) string {
	if what := object(text, at); what != "" {
		return what
	}
	kind := sqltext.NextToken(text, at, sqltext.Postgres)
	parts, _, _ := sqltext.QualifiedName(text, kind.End, sqltext.Postgres)
	return strings.ToLower(kind.Name(text)) + " " + sqltext.JoinName(parts)
}

// skip returns the offset after words.
func skip(text []byte, at int, words []string) int {
	for {
		token := sqltext.NextToken(text, at, sqltext.Postgres)
		if !slices.ContainsFunc(words, func(word string) bool { return token.Is(text, word) }) {
			return at
		}
		at = token.End
	}
}

// tableAfterOn returns the table after the next ON, which in the definition of a rule is TO; "" if there is none.
func tableAfterOn(text []byte, at int) string {
	rule := false
	for token := sqltext.NextToken(text, at, sqltext.Postgres); token.Kind != sqltext.End; token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		switch {
		case token.Is(text, "AS"):
			rule = true
		case token.Is(text, "ON") && !rule, token.Is(text, "TO") && rule:
			parts, _, _ := sqltext.QualifiedName(text, token.End, sqltext.Postgres)
			return sqltext.JoinName(parts)
		}
	}
	return ""
}
