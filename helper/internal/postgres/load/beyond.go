package load

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/admit"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// beyond has the pull's own account do what the load's may not do. done is false if it does not do such things; then cause stays.
func (l *Load) beyond(ctx context.Context, text []byte, cause error) (done bool) {
	if l.account == nil || !l.refuses(ctx, cause) {
		return false
	}
	more := admit.Beyond(text)
	switch more.Turn {
	case admit.AtOnce:
		return l.known(ctx, more.Function) && l.ownsAll(ctx, more.Handlers) && l.beside(ctx, more.Text) == nil
	case admit.AtEnd:
		if postgres.SQLState(cause) != postgres.InsufficientPrivilege {
			return false
		}
		l.putOff(more.Text)
		return true
	case admit.OnLogin:
		name := eventTrigger(text)
		l.account.onLogin = append(l.account.onLogin, name)
		l.once.Lose("event trigger "+name, "event trigger "+name+" is left out: it would react to each login")
		return true
	case admit.Event:
		if slices.Contains(l.account.onLogin, eventTrigger(text)) {
			return true
		}
		l.account.events = append(l.account.events, AboutObject{more.Text, more.Text})
		return true
	}
	return false
}

// eventTrigger returns the name of the event trigger that a statement creates, changes or comments on.
func eventTrigger(text []byte) string {
	for _, form := range []string{"CREATE EVENT TRIGGER *", "ALTER EVENT TRIGGER *", "COMMENT ON EVENT TRIGGER *"} {
		if names, _, is := Match(text, form); is {
			return names[0]
		}
	}
	return ""
}

// putOff has the pull's own account execute a statement when everything is loaded, with the dump's present search path.
func (l *Load) putOff(text string) {
	l.account.atEnd = append(l.account.atEnd, AboutObject{text, "SET search_path = " + l.path + ";\n" + text})
}

// beside executes a statement as the pull's own account, and gives what it creates to the load's. Servers, languages and extensions stay,
// because their owners decide where they lead.
func (l *Load) beside(ctx context.Context, text string) error {
	c := l.account
	return within(ctx, c.beside, "SET LOCAL search_path = "+l.path+";\n"+text, func() error {
		objects, err := owns(ctx, l.Server, c.beside, l.Server.User)
		for _, object := range objects {
			if err == nil && !strings.HasPrefix(object, "SERVER ") && !strings.HasPrefix(object, "LANGUAGE ") {
				err = c.beside.Exec(ctx, "ALTER "+object+" OWNER TO "+postgres.QuoteIdentifier(c.Name))
			}
		}
		return err
	})
}

// known reports whether a function is the server's own, and everybody's there under another name; or one of a library that no extension of the
// server has, because an extension decides who may call its functions. nil is no such function.
func (l *Load) known(ctx context.Context, f *admit.Function) bool {
	if f == nil {
		return true
	}
	if f.Language == "internal" {
		rows, err := l.account.beside.Query(ctx, "SELECT 1 FROM pg_proc p JOIN pg_language g ON g.oid = p.prolang WHERE p.prosrc = $1 AND g.lanname = 'internal' AND p.oid < 16384"+
			" GROUP BY 1 HAVING bool_and(p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))", f.Symbol)
		return err == nil && len(rows) > 0
	}
	if f.Library == "$libdir/plpgsql" { // what is written in it is bound to the account that executes it
		return true
	}
	library := strings.TrimSuffix(f.Library[strings.LastIndexByte(f.Library, '/')+1:], ".so")
	rows, err := l.account.beside.Query(ctx, "SELECT 1 FROM pg_available_extensions WHERE name = $1 OR $1 LIKE 'plp%' OR $1 LIKE name || '-%' OR replace(name, '_', '') = replace($1, '_', '')", library)
	return err == nil && len(rows) == 0
}

// ownsAll reports whether the load's account owns all functions with some names: it cannot make a language of what belongs to an extension.
func (l *Load) ownsAll(ctx context.Context, functions []string) bool {
	for _, name := range functions {
		rows, err := l.account.beside.Query(ctx, "SELECT 1 FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.proname = $1 GROUP BY 1 HAVING bool_and(r.rolname = $2)",
			name[strings.LastIndexByte(name, '.')+1:], l.account.Name)
		if err != nil || len(rows) == 0 {
			return false
		}
	}
	return true
}

// extension creates an extension as the pull's own account, and lets the load's fill its tables. What others than the harmless ones bring,
// nobody may use until the dump is loaded.
func (l *Load) extension(ctx context.Context, text []byte) error {
	c := l.account
	e, is := admit.ReadExtension(text)
	if !is {
		return l.execute(ctx, l.Main, text)
	}
	// The script of an extension may take functions of the dump for the server's. Those of the server's own code are known.
	rows, err := c.beside.Query(ctx, "SELECT 1 FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner JOIN pg_language g ON g.oid = p.prolang"+
		" WHERE r.rolname = $1 AND g.lanname NOT IN ('c', 'internal') LIMIT 1", c.Name)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		return l.execute(ctx, l.Main, text)
	}
	before, err := l.extensions(ctx)
	if err != nil {
		return err
	}
	if err := c.beside.Exec(ctx, e.Statement()); err != nil {
		return err
	}
	after, err := l.extensions(ctx)
	if err != nil {
		return err
	}
	for _, name := range after {
		if slices.Contains(before, name) {
			continue
		}
		if err := l.open(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (l *Load) extensions(ctx context.Context) (names []string, err error) {
	rows, err := l.account.beside.Query(ctx, "SELECT extname FROM pg_extension ORDER BY oid")
	for _, row := range rows {
		names = append(names, row[0])
	}
	return names, err
}

// opened lists what lets the account $2 fill the tables of the extension $1 whose rows are in dumps.
const opened = `
WITH config AS (SELECT c.oid, c.relkind, n.nspname, c.relname FROM pg_extension e, unnest(e.extconfig) t JOIN pg_class c ON c.oid = t JOIN pg_namespace n ON n.oid = c.relnamespace WHERE e.extname = $1)
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, $2::text) FROM config
UNION ALL SELECT format('GRANT %s ON %s %I.%I TO %I', CASE relkind WHEN 'S' THEN 'SELECT, UPDATE' ELSE 'SELECT, INSERT' END,
  CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, nspname, relname, $2::text) FROM config`

// public lists the functions of the extension $1 that everybody may call.
const public = `
SELECT format('EXECUTE ON FUNCTION %I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) FROM pg_extension e
  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE e.extname = $1 AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))`

// open does for one extension what is said at extension.
func (l *Load) open(ctx context.Context, extension string) error {
	c := l.account
	rows, err := c.beside.Query(ctx, opened, extension, c.Name)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := c.beside.Exec(ctx, row[0]); err != nil {
			return err
		}
	}
	if admit.IsHarmless(extension) {
		return nil
	}
	if rows, err = c.beside.Query(ctx, public, extension); err != nil {
		return err
	}
	for _, row := range rows {
		if err := c.beside.Exec(ctx, "REVOKE "+row[0]+" FROM PUBLIC"); err != nil {
			return err
		}
		c.closed = append(c.closed, AboutObject{"GRANT", "GRANT " + row[0] + " TO PUBLIC"})
	}
	return nil
}

// refusal is the error about a statement that is not sent.
func (l *Load) refusal(statement Statement, why error) error {
	return &target.LoadError{Statement: statement.number, Offset: statement.Offset, Excerpt: target.Excerpt(statement.Text), Message: why.Error(), Err: why}
}
