package load

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// A dump is SQL, and may contain anything. So its statements are executed by an account that owns the scratch database and may do nothing
// else, over connections of its own: what such an account executes cannot become another one. What it may not do, but dumps need, the pull's
// own account does, from what was read of the statement. When all is loaded, the account is dropped, and the owner of the live database gets
// what it owned.

// confined is the account of a load.
type confined struct {
	session.Account
	beside *session.Session // of the pull's own account, in the scratch database; it finds names in pg_catalog alone
	// public is the owner of the schema public, "" if that is not touched.
	public string
	// warned is the code of the server's last warning to the load's session.
	warned string
	// atEnd and events are what the pull's own account executes afterwards.
	atEnd, events []AboutObject
	// onLogin are the event triggers that are left out.
	onLogin []string
	// closed are statements that give everybody back what extensions bring.
	closed []AboutObject
}

// confine makes the account, if the pull's own may do so and the server lets it in. It leaves l.account nil if not.
func (l *Load) confine(ctx context.Context) error {
	db := l.Server
	able, err := db.MakesAccounts(ctx, l.Lock)
	if err != nil || !able {
		return err
	}
	account, err := db.MakeAccount(ctx, l.Lock)
	if postgres.Is(err, fault.Privilege) {
		return nil
	}
	if err != nil {
		return db.Classify("make role "+account.Name, err)
	}
	c := &confined{Account: account}
	if c.beside, err = db.Connect(ctx, db.Names.Incoming); err != nil {
		return err
	}
	l.account = c
	if err := l.prepareBeside(ctx); err != nil {
		return err
	}
	if l.Main, err = l.connect(ctx, c.warning); err == nil {
		return nil
	}
	if kind := postgres.Classify(err); kind != fault.Auth {
		return err
	}
	// The server lets only certain roles in.
	if err := l.dropAccount(ctx); err != nil {
		return err
	}
	db.Config.Note("the server does not let an account for loading in (pg_hba.conf): a list of statements alone keeps the dump in its database")
	c.beside.Close()
	l.account = nil
	return nil
}

// prepareBeside prepares the session of the pull's own account, and what the account needs in the empty database.
func (l *Load) prepareBeside(ctx context.Context) error {
	c := l.account
	// The dump's transaction may hold what a statement waits for.
	err := c.beside.Exec(ctx, "SET search_path = pg_catalog, pg_temp; SET lock_timeout = '5s'; SET synchronous_commit = off")
	if err != nil {
		return l.Server.Classify("prepare a connection", err)
	}
	rows, err := c.beside.Query(ctx, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public' AND NOT pg_has_role($1, nspowner, 'USAGE')", c.Name)
	if err != nil {
		return l.Server.Classify("ask for the owner of the schema", err)
	}
	if len(rows) == 0 {
		return nil
	}
	err = c.beside.Exec(ctx, "ALTER SCHEMA public OWNER TO "+postgres.QuoteIdentifier(c.Name))
	if err == nil {
		c.public = rows[0][0]
	}
	if postgres.Is(err, fault.Privilege) {
		return nil // dumps can do without
	}
	return l.Server.Classify("prepare the schema", err)
}

// warning notes a warning of the server to the load's session.
func (c *confined) warning(n *pgconn.Notice) { c.warned = n.Code }

// Warnings that nothing, or not all, was granted or revoked.
var withoutEffect = []string{"01007", "01006"}

// handOver ends the account: the owner of the live database gets what it owned, and what was put off is done.
func (l *Load) handOver(ctx context.Context) error {
	c := l.account
	if c == nil {
		return nil
	}
	l.dismiss()
	l.Main.Close()
	l.Main, l.account = c.beside, nil
	l.events = c.events
	db := l.Server
	if err := l.Main.Exec(ctx, "SET lock_timeout = 0; ALTER DATABASE "+postgres.QuoteIdentifier(db.Names.Incoming)+" OWNER TO "+postgres.QuoteIdentifier(l.owner)); err != nil {
		return db.Classify("give the database to "+l.owner, err)
	}
	if c.public != "" {
		rows, err := l.Main.Query(ctx, "SELECT 1 FROM pg_namespace WHERE nspname = 'public' AND pg_get_userbyid(nspowner) = $1 AND oid < 16384", c.Name)
		if err == nil && len(rows) > 0 {
			err = l.Main.Exec(ctx, "ALTER SCHEMA public OWNER TO "+postgres.QuoteIdentifier(c.public))
		}
		if err != nil {
			return db.Classify("give the schema back", err)
		}
	}
	if err := GiveAway(ctx, db, l.Main, c.Name, l.owner); err != nil {
		return err
	}
	name := postgres.QuoteIdentifier(c.Name)
	if err := l.Main.Exec(ctx, "REASSIGN OWNED BY "+name+" TO "+postgres.QuoteIdentifier(l.owner)+"; DROP OWNED BY "+name); err != nil {
		return db.Classify("give what the dump has created to "+l.owner, err)
	}
	if err := Each(ctx, sparing(l.Main), slices.Concat(c.closed, c.atEnd), l.skipped); err != nil {
		return db.Classify("load the dump", err)
	}
	if err := l.Main.Exec(ctx, "SET search_path = pg_catalog, pg_temp"); err != nil {
		return db.Classify("prepare a connection", err)
	}
	return db.Classify("drop role "+c.Name, l.Lock.Exec(ctx, "DROP ROLE "+name))
}

// skipped says that the server did not take a statement that was put off.
func (l *Load) skipped(statement string, err error) {
	message := postgres.ServerMessage(err)
	l.once.About(message, "a "+strings.Fields(FirstWords([]byte(statement)))[0]+" of the dump is skipped: "+message)
}

// Events creates the event triggers of the dump. They react to every change of the database that follows.
func (l *Load) Events(ctx context.Context) error {
	err := Each(ctx, l.Main.Exec, l.events, l.skipped)
	l.events = nil
	return l.Server.Classify("create the event triggers", err)
}

// dropAccount drops the account, which owns nothing but the database.
func (l *Load) dropAccount(ctx context.Context) error {
	db, c := l.Server, l.account
	name := postgres.QuoteIdentifier(c.Name)
	err := l.Lock.Exec(ctx, "ALTER DATABASE "+postgres.QuoteIdentifier(db.Names.Incoming)+" OWNER TO "+postgres.QuoteIdentifier(l.owner))
	if err == nil && c.public != "" {
		err = c.beside.Exec(ctx, "ALTER SCHEMA public OWNER TO "+postgres.QuoteIdentifier(c.public))
	}
	if err == nil {
		err = l.Lock.Exec(ctx, "DROP ROLE "+name)
	}
	return db.Classify("drop role "+c.Name, err)
}

// replicating has rows come in as SET session_replication_role says, which only a superuser may do: for all sessions of the account, and so
// the load's has to begin anew.
func (l *Load) replicating(ctx context.Context, text []byte) (bool, error) {
	names, end, is := Match(text, "SET *")
	if l.account == nil || !is || !strings.EqualFold(names[0], "session_replication_role") || l.Main.Conn.TxStatus() != 'I' {
		return false, nil
	}
	token := sqltext.NextToken(text, end, sqltext.Postgres)
	value := strings.ToLower(strings.Trim(token.Name(text), "'"))
	for token.IsSymbol(text, '=') || token.Is(text, "TO") {
		token = sqltext.NextToken(text, token.End, sqltext.Postgres)
		value = strings.ToLower(strings.Trim(string(text[token.Start:token.End]), "'"))
	}
	if !slices.Contains([]string{"replica", "origin", "local", "default"}, value) {
		return false, nil
	}
	name := postgres.QuoteIdentifier(l.account.Name)
	if err := l.Lock.Exec(ctx, "ALTER ROLE "+name+" SET session_replication_role = "+value); err != nil {
		return false, nil //nolint:nilerr // the statement's own error says it
	}
	main, err := l.connect(ctx, l.account.warning)
	if err != nil {
		return false, err
	}
	l.dismiss()
	l.Main.Close()
	l.Main = main
	return true, l.Server.Classify("prepare a connection", l.Main.Exec(ctx, strings.Join(l.settings, ";\n")))
}
