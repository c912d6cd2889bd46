package load

import (
	"context"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Without its tables a dump is not loaded. But the load goes on until rows would come: by then all tables that the server refuses are known.

// createsTable returns the table that a statement creates.
func createsTable(text []byte) (table string, is bool) {
	for _, form := range []string{"CREATE TABLE IF NOT EXISTS *", "CREATE UNLOGGED TABLE IF NOT EXISTS *", "CREATE TABLE *", "CREATE UNLOGGED TABLE *"} {
		if names, _, is := Match(text, form); is {
			return names[0], true
		}
	}
	return "", false
}

// withoutDefaults makes a table without those defaults that the server does not take, which call what it does not know. It reports whether it
// has made the table.
func (l *Load) withoutDefaults(ctx context.Context, s *session.Session, table string, text []byte) bool {
	without, defaults := rewrite.WithoutDefaults(text)
	if len(defaults) == 0 || l.execute(ctx, s, without) != nil {
		return false
	}
	for _, d := range defaults {
		err := l.execute(ctx, s, d.Statement)
		if err != nil && l.asOnTheSite(ctx, s, d.Statement) != nil {
			what := "the default of column " + d.Column + " of table " + table
			l.once.Lose(what, what+" is left out: "+postgres.ServerMessage(err))
		}
	}
	return true
}

// withoutTable goes on without a table. One that is not to be replaced stays as it is.
func (l *Load) withoutTable(ctx context.Context, statement Statement, table string, text []byte, err error) error {
	statement.Text = text
	failed := l.Failed(ctx, statement, err)
	refusal, is := failed.(*target.LoadError) //nolint:errorlint // a wrapped one is about something else
	if !is {
		return failed
	}
	l.unmade[table] = true
	if !l.Server.Config.Part.Includes(table) {
		return nil
	}
	if l.refused == nil {
		l.refused = &target.TablesError{InChunks: l.inChunks}
	}
	l.refused.Tables = append(l.refused.Tables, table)
	l.refused.Refusals = append(l.refused.Refusals, refusal)
	return nil
}

// refusedTables returns the error about the tables that the server has refused so far.
func (l *Load) refusedTables() error {
	if l.refused == nil {
		return nil
	}
	if slices.ContainsFunc(l.refused.Refusals, postgres.IsUnknown) {
		l.refused.Causes = l.missing
	}
	return l.refused
}

// Refused reports whether the server has refused to make a table.
func (l *Load) Refused(table string) bool { return l.unmade[table] }

// attachesTo returns the table to which a statement attaches a partition; "" for other statements.
func attachesTo(text []byte) string {
	for _, form := range []string{"ALTER TABLE ONLY * ATTACH PARTITION", "ALTER TABLE * ATTACH PARTITION"} {
		if names, _, is := Match(text, form); is {
			return names[0]
		}
	}
	return ""
}

// belongsTo returns the table that a statement changes, or on which it creates something; "" for other statements.
func belongsTo(text []byte) string {
	for _, form := range []string{"ALTER TABLE ONLY *", "ALTER TABLE IF EXISTS ONLY *", "ALTER TABLE IF EXISTS *", "ALTER TABLE *", "COMMENT ON TABLE *"} {
		if names, _, is := Match(text, form); is {
			return names[0]
		}
	}
	first := sqltext.NextToken(text, 0, sqltext.Postgres)
	if first.Is(text, "CREATE") || first.Is(text, "GRANT") || first.Is(text, "REVOKE") {
		return tableAfterOn(text, first.End)
	}
	return ""
}
