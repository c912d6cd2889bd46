package swap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// ALTER DATABASE … RENAME is transactional: the renames of a swap happen together or not at all. So no journal is
// needed. Without a lock on them, databases called incoming and spare are always garbage.

// rename gives a database another name.
type rename struct{ from, to string }

// exchange is what happens in one transaction: renames, and then new comments on databases.
type exchange struct {
	renames  []rename
	comments map[string]string
}

// Recover finishes what an interrupted run left: see target.Database.
func (db *Database) Recover(ctx context.Context) error {
	s, err := db.lockedClean(ctx)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// lockedClean opens a session that holds the lock, and first drops what an earlier run left.
func (db *Database) lockedClean(ctx context.Context) (*session.Session, error) {
	s, err := db.Locked(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.dropGarbage(ctx, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// turn describes how a loaded database becomes the live one.
type turn struct {
	by *session.Session // the session that makes the exchange
	// renames are those that move the previous database to a slot.
	renames func(place string) []rename
	// holds derives the new provenance of the live database from its old one.
	holds func(was target.Provenance) target.Provenance
}

func (db *Database) swap(ctx context.Context, s *session.Session, t turn) error {
	n := db.Names
	was, err := currentLabel(ctx, s, n)
	if err != nil {
		return db.Classify("read the comment on database "+n.Previous, err)
	}
	if t.by == s { // otherwise nobody can connect, and this was already checked
		was.Live = db.stillHolds(ctx, was.Live)
	}
	holds := t.holds(was.Live)
	holds.Choice, holds.Token = db.Config.Choice, db.Config.Token
	now, err := db.leave(ctx, s, label{Live: holds, Previous: was.Live})
	if err != nil {
		return err
	}
	keep, err := db.keepsPrevious(ctx, was)
	if err != nil {
		return db.Classify("look at database "+n.Previous, err)
	}
	place, comments, err := aside(ctx, s, n, keep)
	if err != nil {
		return db.Classify("look for the earlier databases", err)
	}
	if comments == nil {
		comments = map[string]string{}
	}
	comments[n.Previous] = now
	if err := db.copySettings(ctx, s); err != nil {
		return db.Classify("copy the settings of database "+n.Live, err)
	}
	if err := db.noteReplication(ctx, s, t.by == s); err != nil {
		return db.Classify("look at the replication of database "+n.Live, err)
	}
	if err := db.exchange(ctx, t.by, exchange{t.renames(place), comments}); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := db.tidy(ctx, s); err != nil {
		return err
	}
	return db.prune(ctx, s)
}

// keepsPrevious says whether a swap keeps the previous database, at least for now. l is its label.
func (db *Database) keepsPrevious(ctx context.Context, l label) (bool, error) {
	if db.Config.Keep > 1 {
		return true, nil
	}
	return db.hasWork(ctx, l, db.Names.Previous)
}

// stillHolds returns what is still true of a provenance of the live database.
func (db *Database) stillHolds(ctx context.Context, r target.Provenance) target.Provenance {
	s, err := db.Enter(ctx)
	if err != nil {
		return r // there is no live database, or a later run finds out
	}
	defer s.Close()
	if first, _, err := tableNumbers(ctx, s); err == nil {
		r = r.Of(first)
	}
	return r
}

// leave prepares the live database to become the previous one. It must exist, if only to carry the comment, which
// leave completes and returns.
func (db *Database) leave(ctx context.Context, s *session.Session, l label) (comment string, err error) {
	n := db.Names
	present, err := exists(ctx, s, n.Live)
	if err == nil && !present {
		err = s.Exec(ctx, "CREATE DATABASE "+postgres.QuoteIdentifier(n.Live)+" TEMPLATE template0")
		target.OnStep("empty database made")
	}
	if err != nil {
		return "", db.Classify("create database "+n.Live, err)
	}
	if l.Comment, err = commentOf(ctx, s, n.Live); err != nil {
		return "", db.Classify("read the comment on database "+n.Live, err)
	}
	if l, err = replacedNow(ctx, s, n, l); err != nil {
		return "", db.Classify("list the earlier databases", err)
	}
	return l.text()
}

// swapTries limits the tries of a swap. In each, the server itself waits five seconds for sessions to end.
const swapTries = 4

// exchange makes an exchange, without the renames of databases that do not exist.
func (db *Database) exchange(ctx context.Context, s *session.Session, e exchange) error {
	return db.alone(ctx, "exchange the databases", s, func(ctx context.Context) error { return db.exchangeOnce(ctx, s, e) })
}

// alone runs an action that needs the databases without other connections. It ends the sessions of others, and tries
// again if new ones came. Some processes can be spared.
func (db *Database) alone(ctx context.Context, action string, s *session.Session, do func(context.Context) error, spared ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	waiting := ctx
	ctx = context.WithoutCancel(ctx) // after an interrupted COMMIT it is unknown whether it happened
	for try := 1; ; try++ {
		stop := db.endSessions(ctx, spared...)
		err := do(ctx)
		stop()
		switch {
		case err == nil:
			return nil
		case postgres.SQLState(err) != postgres.ObjectInUse:
			return db.Classify(action, err)
		case waiting.Err() != nil:
			return waiting.Err()
		case try == swapTries:
			return &target.BusyError{Name: db.Names.Live, Holder: s.Describe(ctx, "SELECT pid, usename, client_addr FROM pg_stat_activity"+
				" WHERE datname = $1 LIMIT 3", db.Names.Live)}
		}
	}
}

// exchangeOnce continues the session's open transaction, if there is one, and commits it with the exchange.
func (db *Database) exchangeOnce(ctx context.Context, s *session.Session, e exchange) error {
	begin, rollback := "BEGIN", "ROLLBACK"
	if s.Conn.TxStatus() == 'T' {
		begin, rollback = "SAVEPOINT exchange", "ROLLBACK TO exchange"
	}
	if err := s.Exec(ctx, begin); err != nil {
		return err
	}
	for _, r := range e.renames {
		present, err := exists(ctx, s, r.from)
		if err == nil && present {
			err = s.Exec(ctx, renaming(r))
			target.OnStep("database renamed")
		}
		if err != nil {
			_ = s.Exec(ctx, rollback)
			return err
		}
	}
	for database, comment := range e.comments {
		err := setComment(ctx, s, database, comment)
		target.OnStep("comment set")
		if err != nil {
			_ = s.Exec(ctx, rollback)
			return err
		}
	}
	err := s.Exec(ctx, "COMMIT")
	target.OnStep("renames committed")
	return err
}

func renaming(r rename) string {
	return fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", postgres.QuoteIdentifier(r.from), postgres.QuoteIdentifier(r.to))
}

// endSessions ends the sessions of the site, and new ones, until the returned function is called. A database can be
// renamed only while nobody is connected to it. The rename itself keeps newcomers out, but first all sessions must
// have ended.
func (db *Database) endSessions(ctx context.Context, spared ...string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, err := db.Connect(ctx, db.Maintenance)
		if err != nil {
			return // the rename reports what is wrong
		}
		defer s.Close()
		n := db.Names
		for ctx.Err() == nil {
			// One at a time: a session that may not be ended must not protect the others.
			rows, err := s.Query(ctx, "SELECT pid, datname FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()")
			if err != nil {
				return
			}
			for _, row := range rows {
				if !n.Has(row[1]) {
					continue
				}
				if slices.Contains(spared, row[0]) {
					continue
				}
				_, _ = s.Query(ctx, "SELECT pg_terminate_backend($1::int)", row[0])
			}
			_ = session.Pause(ctx, 50*time.Millisecond)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func exists(ctx context.Context, s *session.Session, database string) (bool, error) {
	rows, err := s.Query(ctx, "SELECT 1 FROM pg_database WHERE datname = $1", database)
	return len(rows) > 0, err
}

// dropGarbage drops what an earlier run left.
func (db *Database) dropGarbage(ctx context.Context, s *session.Session) error {
	for _, database := range []string{db.Names.Incoming, db.Names.Spare} {
		present, err := exists(ctx, s, database)
		if err != nil {
			return db.Classify("look for database "+database, err)
		}
		if !present {
			continue
		}
		for try := 1; ; try++ {
			stop := db.endSessions(ctx)
			if err = noTemplate(ctx, s, database); err == nil {
				err = s.Exec(ctx, "DROP DATABASE IF EXISTS "+postgres.QuoteIdentifier(database))
			}
			stop()
			if postgres.SQLState(err) != postgres.ObjectInUse || try == swapTries {
				break
			}
		}
		if err != nil {
			return db.Classify("drop database "+database, err)
		}
		target.OnStep("garbage dropped")
	}
	return db.DropAccount(ctx, s)
}

// tidy drops what nobody needs any more after a swap. The live database is whole, so what stays is only noted; the next run tries again. It fails
// if the connection is lost.
func (db *Database) tidy(ctx context.Context, s *session.Session) error {
	err := db.dropGarbage(ctx, s)
	var lost *target.LostError
	if err != nil && !errors.As(err, &lost) {
		db.Config.Note("a database that nobody needs any more is not dropped yet: " + err.Error())
		return nil
	}
	return err
}

// create creates the scratch database with the properties of the live one.
func (db *Database) create(ctx context.Context, s *session.Session) error {
	statement := "CREATE DATABASE " + postgres.QuoteIdentifier(db.Names.Incoming) + " TEMPLATE template0"
	// to_jsonb, because the columns depend on the server's version.
	rows, err := s.Query(ctx, "SELECT pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, r.rolname, t.spcname,"+
		" to_jsonb(d) ->> 'datlocprovider', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), to_jsonb(d) ->> 'daticurules'"+
		" FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = $1",
		db.Names.Live)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		encoding, collate, ctype, owner, space, provider, locale, rules := rows[0][0], rows[0][1], rows[0][2], rows[0][3], rows[0][4], rows[0][5], rows[0][6], rows[0][7]
		statement += fmt.Sprintf(" ENCODING %s LC_COLLATE %s LC_CTYPE %s OWNER %s",
			postgres.QuoteText(encoding), postgres.QuoteText(collate), postgres.QuoteText(ctype), postgres.QuoteIdentifier(owner))
		if space != "pg_default" { // everyone may use it without a privilege, as long as it is not named
			statement += " TABLESPACE " + postgres.QuoteIdentifier(space)
		}
		switch provider {
		case "i":
			statement += " LOCALE_PROVIDER icu ICU_LOCALE " + postgres.QuoteText(locale)
			if rules != "" {
				statement += " ICU_RULES " + postgres.QuoteText(rules)
			}
		case "b":
			statement += " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + postgres.QuoteText(locale)
		}
	}
	return s.Exec(ctx, statement)
}

// copySettings copies to the incoming database what belongs to the live database itself and is in no dump: settings
// (ALTER DATABASE … SET) but those that the dump has made, privileges on it, its comment and its connection limit.
func (db *Database) copySettings(ctx context.Context, s *session.Session) error {
	rows, err := s.Query(ctx, `
SELECT CASE WHEN r.rolname IS NULL THEN format('ALTER DATABASE %I SET ', $2::text) ELSE format('ALTER ROLE %I IN DATABASE %I SET ', r.rolname, $2::text) END
    || format('%I TO ', split_part(c, '=', 1))
    || CASE WHEN split_part(c, '=', 1) IN (SELECT name FROM pg_settings WHERE vartype <> 'string')
         OR split_part(c, '=', 1) NOT IN ('search_path', 'DateStyle', 'datestyle', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
       THEN quote_literal(substr(c, strpos(c, '=') + 1)) ELSE substr(c, strpos(c, '=') + 1) END
  FROM pg_db_role_setting x JOIN pg_database d ON d.oid = x.setdatabase LEFT JOIN pg_roles r ON r.oid = x.setrole, unnest(x.setconfig) c
 WHERE d.datname = $1 AND NOT EXISTS (SELECT FROM pg_db_role_setting y JOIN pg_database i ON i.oid = y.setdatabase, unnest(y.setconfig) made
    WHERE i.datname = $2 AND y.setrole = x.setrole AND lower(split_part(made, '=', 1)) = lower(split_part(c, '=', 1)))
UNION ALL
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $1
UNION ALL
SELECT format('COMMENT ON DATABASE %I IS %L', $2::text, shobj_description(oid, 'pg_database')) FROM pg_database
 WHERE datname = $1 AND shobj_description(oid, 'pg_database') IS NOT NULL
UNION ALL
SELECT format('ALTER DATABASE %I IS_TEMPLATE true', $2::text) FROM pg_database WHERE datname = $1 AND datistemplate
UNION ALL
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', $2::text, datconnlimit) FROM pg_database WHERE datname = $1 AND datconnlimit <> -1`,
		db.Names.Live, db.Names.Incoming)
	if err != nil {
		return err
	}
	restricted, err := s.Query(ctx, "SELECT 1 FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL", db.Names.Live)
	if err != nil {
		return err
	}
	if len(restricted) > 0 {
		rows = append([][]string{{"REVOKE ALL ON DATABASE " + postgres.QuoteIdentifier(db.Names.Incoming) + " FROM PUBLIC"}}, rows...)
	}
	for _, row := range rows {
		if err := s.Exec(ctx, row[0]); postgres.SQLState(err) != "" {
			db.Config.Note(fmt.Sprintf("a setting of database %s is not carried over: %v", db.Names.Live, strings.TrimPrefix(err.Error(), "ERROR: ")))
		} else if err != nil {
			return err
		}
	}
	return nil
}
