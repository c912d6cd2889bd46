// Package load loads a dump into an empty database of a PostgreSQL server, over a few sessions, and checks the
// result.
package load

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/admit"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/elsewhere"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// Load is the load of a dump into the scratch database.
type Load struct {
	Server     *session.Server
	Lock, Main *session.Session
	// Columns are the columns of tables that already exist, by name; nil if the dump creates the tables.
	Columns map[string][]string
	once    *target.Once
	roles   map[string]bool // those of the server
	// tablespaces are those of the server, filled once a statement has named one.
	tablespaces []string
	granted     []string // those that the load's account may use
	owner       string   // of the live database: it receives what belongs to roles that are unknown here
	entered     string   // the database that the dump has named last
	database    string   // the one that the dump has content for
	statements  int64
	offset      int64    // where the text that is being loaded begins in the dump
	settings    []string // the settings that the dump has made in the load's session, for its helpers
	helpers     []*helper
	ownPath     *string             // the dump's search path, while the load's session has the site's
	missing     []error             // extensions that this server does not take
	unmade      map[string]bool     // tables that the server has refused, or that such an extension would have
	refused     *target.TablesError // the refused ones that are to be replaced; nil while there are none
	inChunks    bool
	checks      checks
	checked     map[string]bool // whether there was a CHECK when the rows of a table began
	guards      []Statement     // what turns row security on, which would keep rows from being counted
	rewriter    *rewrite.Rewriter
	account     *confined // nil if the dump's statements are executed by the pull's own account
	path        string    // the search path that the dump has set last, as SET takes it
	events      []AboutObject
	// waiting are definitions that are executed together, with their bytes.
	waiting      []waitingStatement
	waitingBytes int
	early        *earlyBuilds // nil if there are none
	// Before is called when all rows have been compared, with the load's session; it may be nil.
	Before func(context.Context, *session.Session) error
}

// Statement is a statement of the dump with its number, for errors.
type Statement struct {
	sqltext.Piece
	number int64
}

// New prepares a load into the incoming database, which exists. The session that holds the lock stays the caller's.
func New(ctx context.Context, db *session.Server, lock *session.Session) (*Load, error) {
	l := &Load{Server: db, Lock: lock, once: target.NewOnce(db.Config.Note), roles: map[string]bool{}, unmade: map[string]bool{}, checked: map[string]bool{}, path: `"$user", public`}
	server, _ := version.Parse(db.About.Version)
	l.rewriter = rewrite.New(server.Major, l.once)
	return l, l.prepare(ctx)
}

func (l *Load) prepare(ctx context.Context) error {
	db := l.Server
	rows, err := l.Lock.Query(ctx, "SELECT r.rolname, d.oid IS NOT NULL FROM pg_roles r LEFT JOIN pg_database d ON d.datdba = r.oid AND d.datname = $1", db.Names.Live)
	if err != nil {
		return db.Classify("list the roles", err)
	}
	l.owner = db.User
	for _, row := range rows {
		l.roles[row[0]] = true
		if row[1] == "t" {
			l.owner = row[0]
		}
	}
	if l.Server.Config.Part.TablesOnly {
		// Of such a dump, settings, rows and the values of sequences are executed.
	} else if err := l.confine(ctx); err != nil {
		return err
	}
	if l.account != nil {
		return nil
	}
	l.Main, err = l.connect(ctx, quiet)
	return err
}

// Run loads a dump's text: see target.Load.
func (l *Load) Run(ctx context.Context, r io.Reader, dialect sqltext.Dialect, progress func(int64)) (sqltext.Stats, error) {
	if dialect != sqltext.Postgres {
		return sqltext.Stats{}, &target.WrongEngineError{Dump: dialect.String(), Target: "PostgreSQL"}
	}
	if progress == nil {
		progress = func(int64) {}
	}
	stats, err := l.run(ctx, r, progress, l.pieceOfText)
	if err == nil {
		err = l.refusedTables()
	}
	if err == nil {
		err = l.checkNewRows(ctx)
	}
	return stats, err
}

// pieceOfText is Piece for a dump in which other tables may be defined after rows: once a table is refused, no more rows are loaded, but all tables
// that the server refuses are found.
func (l *Load) pieceOfText(ctx context.Context, script *Script, piece sqltext.Piece) error {
	if piece.Kind == sqltext.CopyBegin || piece.Kind == sqltext.Rows {
		if err := l.flush(ctx); err != nil {
			return err
		}
		if l.refused != nil {
			l.Count(piece)
			return nil //nolint:nilerr // what is refused is told at the end
		}
	}
	return l.Piece(ctx, script, piece)
}

// run executes each piece of a text.
func (l *Load) run(ctx context.Context, r io.Reader, progress func(int64), do func(context.Context, *Script, sqltext.Piece) error) (sqltext.Stats, error) {
	script := &Script{sqltext.NewSplitter(r, sqltext.Postgres), progress}
	for {
		piece, err := script.Next()
		if err == io.EOF {
			return script.Stats(), l.flush(ctx)
		}
		if err != nil {
			return script.Stats(), fmt.Errorf("read the dump: %w", err)
		}
		progress(int64(len(piece.Raw)))
		piece.Offset += l.offset
		for _, piece := range l.rewritten(piece) {
			if err := do(ctx, script, piece); err != nil {
				return script.Stats(), err
			}
		}
	}
}

// rewritten returns a piece as the server takes it.
func (l *Load) rewritten(piece sqltext.Piece) []sqltext.Piece {
	if piece.Kind != sqltext.Statement {
		return []sqltext.Piece{piece}
	}
	var all []sqltext.Piece
	for _, text := range l.rewriter.Statement(piece.Text) {
		piece.Text = text
		all = append(all, piece)
	}
	return all
}

// Script is a text that is being loaded.
type Script struct {
	*sqltext.Splitter
	progress func(int64)
}

// Piece executes one piece of the dump.
func (l *Load) Piece(ctx context.Context, script *Script, piece sqltext.Piece) error {
	switch piece.Kind {
	case sqltext.Command:
		l.command(string(piece.Raw))
		return nil
	case sqltext.CopyBegin:
		if err := cmp.Or(l.fills(), l.flush(ctx), l.refusedTables()); err != nil {
			return err
		}
		statement := l.Count(piece)
		if err := admit.Statement(piece.Text, l.account != nil); err != nil {
			return l.refusal(statement, err)
		}
		return l.copy(ctx, script, statement)
	case sqltext.Rows:
		if err := cmp.Or(l.fills(), l.flush(ctx), l.refusedTables()); err != nil {
			return err
		}
		if err := admit.Statement(piece.Text, l.account != nil); err != nil {
			return l.refusal(l.Count(piece), err)
		}
		if err := l.asTheSite(ctx, true); err != nil {
			return err
		}
		return l.insert(ctx, l.Count(piece))
	case sqltext.Statement:
		return l.statement(ctx, l.Count(piece))
	}
	return nil
}

// Count numbers a piece of the dump.
func (l *Load) Count(piece sqltext.Piece) Statement {
	l.statements++
	return Statement{piece, l.statements}
}

// copyRows reads the data of a COPY from a splitter.
type copyRows struct {
	script *Script
	left   []byte
	err    error // how the data ended: io.EOF, or why it could not be read
}

func (c *copyRows) Read(p []byte) (int, error) {
	for len(c.left) == 0 && c.err == nil {
		piece, err := c.script.Next()
		switch {
		case err == io.EOF:
			c.err = sqltext.ErrUnterminated
		case err != nil:
			c.err = err
		case piece.Kind == sqltext.CopyRows:
			c.left = piece.Raw
		default:
			c.err = io.EOF // CopyEnd
		}
		c.script.progress(int64(len(piece.Raw)))
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

// Statements about the server or a whole database, by their first words.
var (
	aboutDatabase = []string{"CREATE DATABASE", "DROP DATABASE", "ALTER DATABASE", "COMMENT ON DATABASE", "SECURITY LABEL", "UPDATE PG_CATALOG.PG_DATABASE"}
	aboutServer   = []string{"CREATE ROLE", "ALTER ROLE", "DROP ROLE", "CREATE USER", "ALTER USER", "DROP USER", "CREATE GROUP",
		"CREATE TABLESPACE", "ALTER TABLESPACE", "DROP TABLESPACE", "COMMENT ON ROLE", "COMMENT ON TABLESPACE", "ALTER SYSTEM",
		// A copy of a subscription would take changes away from the original.
		"CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION"}
	// forgiven are statements that may fail because a role, a privilege or a setting is missing. Nothing is lost
	// then.
	forgiven = []string{"GRANT", "REVOKE", "ALTER DEFAULT", "COMMENT ON EXTENSION", "ALTER EXTENSION", "SET", "SELECT PG_CATALOG.SET_CONFIG",
		"CREATE USER MAPPING", "CREATE EVENT TRIGGER", "ALTER EVENT TRIGGER", "COMMENT ON EVENT", "CREATE PUBLICATION", "ALTER PUBLICATION"}
)

func (l *Load) statement(ctx context.Context, statement Statement) error {
	if err := l.asTheSite(ctx, false); err != nil {
		return err
	}
	text := statement.Text
	first := FirstWords(text)
	begins := func(prefix string) bool { return first == prefix || strings.HasPrefix(first, prefix+" ") }
	switch {
	case begins("CREATE DATABASE"), begins("DROP DATABASE"), begins("ALTER DATABASE"):
		token := sqltext.NextToken(text, 0, sqltext.Postgres)
		for token.Is(text, "CREATE") || token.Is(text, "DROP") || token.Is(text, "ALTER") || token.Is(text, "DATABASE") ||
			token.Is(text, "IF") || token.Is(text, "EXISTS") {
			token = sqltext.NextToken(text, token.End, sqltext.Postgres)
		}
		l.entered = token.Name(text)
		return nil
	case slices.ContainsFunc(aboutDatabase, begins):
		return nil
	case slices.ContainsFunc(aboutServer, begins) && !begins("CREATE USER MAPPING") && !begins("DROP USER MAPPING"):
		what := strings.Join(strings.Fields(first)[:2], " ")
		l.once.About(what, "the dump's "+what+" statements are skipped")
		return nil
	case admit.AboutServer(text):
		if begins("SET SESSION AUTHORIZATION") && !begins("SET SESSION AUTHORIZATION DEFAULT") {
			l.once.About("SET SESSION AUTHORIZATION", "the dump's SET SESSION AUTHORIZATION statements are skipped: "+l.owner+" owns what they would give to others")
		}
		return nil
	case begins("CREATE") && !begins("CREATE EXTENSION"):
		if err := l.fills(); err != nil {
			return err
		}
	}
	if err := admit.Statement(text, l.account != nil); err != nil {
		return l.refusal(statement, err)
	}
	text, leads := elsewhere.Without(text)
	if leads != "" {
		l.once.About(leads, "left out, because it leads to other servers: "+leads)
	}
	if text == nil {
		return nil
	}
	text, err := l.inTablespaces(ctx, first, text)
	if err != nil || text == nil {
		return err
	}
	text = l.replaceOwner(withEncoding(text))
	if guards(text) {
		statement.Text, statement.Raw = bytes.Clone(text), nil
		l.guards = append(l.guards, statement)
		return nil
	}
	return l.define(ctx, statement, first, text)
}

// define executes a statement that is not about rows, maybe later and together with others.
func (l *Load) define(ctx context.Context, statement Statement, first string, text []byte) error {
	if _, is := newOwner(text); is && l.account != nil {
		return l.defineNow(ctx, statement, first, text) // nothing is executed yet
	}
	if l.waits(first, text) {
		return l.wait(ctx, statement, first, text)
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	return l.defineNow(ctx, statement, first, text)
}

// defineNow executes a statement that is not about rows.
func (l *Load) defineNow(ctx context.Context, statement Statement, first string, text []byte) error {
	begins := func(prefix string) bool { return first == prefix || strings.HasPrefix(first, prefix+" ") }
	err := l.attempt(ctx, first, text)
	switch {
	case err == nil:
		if begins("SET SESSION_REPLICATION_ROLE") && l.account != nil {
			return nil // it is set for all sessions of the account
		}
		if begins("SET") || begins("SELECT PG_CATALOG.SET_CONFIG") {
			l.settings = append(l.settings, string(text))
			if path, is := admit.SearchPath(text); is {
				l.path = cmp.Or(path, "''")
			}
		}
		return nil
	case clears(text, err), l.beyond(ctx, text, err):
		return nil
	case postgres.SQLState(err) == postgres.DuplicateSchema && first == "CREATE SCHEMA PUBLIC":
		return nil // template0 already has it
	case (postgres.SQLState(err) == postgres.UndefinedObject || postgres.SQLState(err) == postgres.InsufficientPrivilege) &&
		(slices.ContainsFunc(forgiven, begins) || begins("ALTER") && strings.Contains(string(text), " OWNER TO ")):
		var serverError *pgconn.PgError
		errors.As(err, &serverError)
		l.once.About(serverError.Message, "a "+strings.Fields(first)[0]+" of the dump is skipped: "+serverError.Message)
		return nil
	case begins("CREATE EXTENSION") && postgres.SQLState(err) == postgres.InsufficientPrivilege:
		l.missing = append(l.missing, &target.PrivilegeError{Action: "create extension " + extensionName(text),
			Grant: "ALTER ROLE " + postgres.QuoteIdentifier(l.Server.Config.URL.User) + " SUPERUSER", Err: postgres.Plain(err)})
	case begins("CREATE EXTENSION") && l.refuses(ctx, err): // it may lack files, a library that the server loads at its start, or want another database
		l.missing = append(l.missing, &target.ExtensionError{Name: extensionName(text), Err: postgres.Plain(err)})
	}
	return l.withoutIt(ctx, l.Main, statement, text, err)
}

// attempt executes a statement by the account that may do so.
func (l *Load) attempt(ctx context.Context, first string, text []byte) error {
	if l.account == nil {
		return l.execute(ctx, l.Main, text)
	}
	begins := func(prefix string) bool { return strings.HasPrefix(first, prefix+" ") }
	if begins("CREATE EXTENSION") {
		return l.extension(ctx, text)
	}
	if role, is := newOwner(text); is {
		if more := admit.Beyond(text); role.Name(text) != l.owner && more.Turn == admit.AtEnd {
			l.putOff(more.Text)
		}
		return nil
	}
	l.account.warned = ""
	err := l.execute(ctx, l.Main, text)
	switch {
	case err == nil && slices.Contains(withoutEffect, l.account.warned):
		if more := admit.Beyond(text); more.Turn == admit.AtEnd {
			l.putOff(more.Text)
		}
	case postgres.SQLState(err) == postgres.InsufficientPrivilege && begins("SET"):
		if done, failed := l.replicating(ctx, text); done || failed != nil {
			return failed
		}
	}
	return err
}

// FirstWords returns the first words of a statement in capitals, as far as they matter here.
func FirstWords(text []byte) string {
	var words []string
	for at := 0; len(words) < 6; {
		token := sqltext.NextToken(text, at, sqltext.Postgres)
		if token.Kind == sqltext.Symbol && token.IsSymbol(text, '.') && len(words) > 0 {
			next := sqltext.NextToken(text, token.End, sqltext.Postgres)
			words[len(words)-1] += "." + strings.ToUpper(next.Name(text))
			at = next.End
			continue
		}
		if token.Kind != sqltext.Word && token.Kind != sqltext.QuotedName {
			break
		}
		words = append(words, strings.ToUpper(token.Name(text)))
		at = token.End
	}
	return strings.Join(words, " ")
}

// newOwner returns the role of ALTER … OWNER TO as a token; false for other statements.
func newOwner(text []byte) (role sqltext.Token, is bool) {
	token := sqltext.NextToken(text, 0, sqltext.Postgres)
	if !token.Is(text, "ALTER") {
		return role, false
	}
	for ; token.Kind != sqltext.End; token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		if !token.Is(text, "OWNER") {
			continue
		}
		if to := sqltext.NextToken(text, token.End, sqltext.Postgres); to.Is(text, "TO") {
			role = sqltext.NextToken(text, to.End, sqltext.Postgres)
			return role, role.Kind != sqltext.End
		}
	}
	return role, false
}

// replaceOwner gives the objects of roles that are unknown here to the live database's owner.
func (l *Load) replaceOwner(text []byte) []byte {
	role, is := newOwner(text)
	if !is || l.roles[role.Name(text)] {
		return text
	}
	l.once.About("role "+role.Name(text), "role "+role.Name(text)+" does not exist here: "+l.owner+" owns what it owned")
	var owner sqltext.Edits
	owner.Replace(role.Start, role.End, postgres.QuoteIdentifier(l.owner))
	return owner.Apply(text)
}

func extensionName(text []byte) string {
	token := sqltext.NextToken(text, 0, sqltext.Postgres)
	for slices.ContainsFunc([]string{"CREATE", "EXTENSION", "IF", "NOT", "EXISTS"}, func(w string) bool { return token.Is(text, w) }) {
		token = sqltext.NextToken(text, token.End, sqltext.Postgres)
	}
	return token.Name(text)
}

// Failed says which statement of the dump failed; nil stays nil.
func (l *Load) Failed(ctx context.Context, statement Statement, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("load the dump: %w", ctx.Err())
	}
	explained := l.Server.Classify("load the dump", err)
	var full *target.NoSpaceError
	var lost *target.LostError
	var serverError *pgconn.PgError
	if errors.As(explained, &full) || errors.As(explained, &lost) || !errors.As(err, &serverError) {
		return explained
	}
	e := &target.LoadError{Statement: statement.number, Offset: statement.Offset, Table: statement.Table, Message: serverError.Message, Err: err}
	if statement.Kind == sqltext.Statement {
		e.Excerpt = target.Excerpt(statement.Text)
	} else {
		e.Message = postgres.QuotedValue.ReplaceAllString(e.Message, "")
	}
	switch {
	case serverError.Code == postgres.UntranslatableChar:
		return &target.EncodingError{Database: l.Server.Names.Live, Needs: "ENCODING 'UTF8'", Err: e}
	case serverError.Code == postgres.NotInEncoding && !strings.HasSuffix(serverError.Message, ": 0x00"): // which no encoding has
		return &target.EncodingError{Database: l.Server.Names.Live, Needs: "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'", Err: e}
	}
	return e
}

// Close ends the sessions of the load, but not the one that holds the lock.
func (l *Load) Close() {
	l.dismiss()
	if l.Main != nil {
		l.Main.Close()
	}
	if l.account != nil {
		l.account.beside.Close()
	}
}
