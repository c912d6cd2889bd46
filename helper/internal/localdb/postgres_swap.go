package localdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ALTER DATABASE … RENAME is transactional: the renames of a swap happen together or not at all. So no
// journal is needed: databases called incoming and spare are rubbish whenever nobody holds the lock.

// rename is a database's way to another name.
type rename struct{ from, to string }

// exchange is what happens in one transaction: renames, and then the comments that databases get.
type exchange struct {
	renames  []rename
	comments map[string]string
}

func (db *postgresDatabase) Recover(ctx context.Context) error {
	s, err := db.locked(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return db.dropRubbish(ctx, s)
}

// turn is how a loaded database takes the live one's place.
type turn struct {
	by *pgSession // that makes the exchange
	// renames are those that bring the previous database to a place.
	renames func(place string) []rename
	// holds gives the record of what the live database holds then, out of the one that it had.
	holds func(was record) record
}

func (db *postgresDatabase) swap(ctx context.Context, s *pgSession, t turn) error {
	n := db.names
	was, err := s.label(ctx, n)
	if err != nil {
		return db.explain("read the comment on database "+n.previous, err)
	}
	if t.by == s { // otherwise nobody may come in, and somebody has looked already
		was.Live = db.stillHolds(ctx, was.Live)
	}
	holds := t.holds(was.Live)
	holds.Choice, holds.Token = db.config.Choice, db.config.Token
	now, err := db.leave(ctx, s, label{Live: holds, Previous: was.Live})
	if err != nil {
		return err
	}
	keep, err := db.keepsPrevious(ctx, was)
	if err != nil {
		return db.explain("look at database "+n.previous, err)
	}
	place, comments, err := s.aside(ctx, n, keep)
	if err != nil {
		return db.explain("look for the earlier databases", err)
	}
	if comments == nil {
		comments = map[string]string{}
	}
	comments[n.previous] = now
	if err := db.copySettings(ctx, s); err != nil {
		return db.explain("copy the settings of database "+n.live, err)
	}
	if err := db.exchange(ctx, t.by, exchange{t.renames(place), comments}); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := db.dropRubbish(ctx, s); err != nil {
		return err
	}
	return db.prune(ctx, s)
}

// keepsPrevious says whether the previous database, of which a label tells, is kept in a swap, at least for the time being.
func (db *postgresDatabase) keepsPrevious(ctx context.Context, l label) (bool, error) {
	if db.config.Keep > 1 {
		return true, nil
	}
	return db.hasWork(ctx, l, db.names.previous)
}

// stillHolds gives what of a record is true of the live database.
func (db *postgresDatabase) stillHolds(ctx context.Context, r record) record {
	s, err := db.enter(ctx)
	if err != nil {
		return r // there is none, or whoever comes later finds out
	}
	defer s.close()
	if first, _, err := s.tableNumbers(ctx); err == nil {
		r = r.of(first)
	}
	return r
}

// leave prepares the live database to become the previous one: it must be there, if only to carry the
// comment, which leave completes and gives as text.
func (db *postgresDatabase) leave(ctx context.Context, s *pgSession, l label) (comment string, err error) {
	n := db.names
	present, err := s.exists(ctx, n.live)
	if err == nil && !present {
		err = s.exec(ctx, "CREATE DATABASE "+quoteIdentifier(n.live)+" TEMPLATE template0")
		onStep("empty database made")
	}
	if err != nil {
		return "", db.explain("create database "+n.live, err)
	}
	if l.Comment, err = s.comment(ctx, n.live); err != nil {
		return "", db.explain("read the comment on database "+n.live, err)
	}
	if l, err = s.replacedNow(ctx, n, l); err != nil {
		return "", db.explain("list the earlier databases", err)
	}
	return l.text()
}

// swapTries times five seconds, which is how long the server itself waits for sessions to end, is how
// long a swap tries.
const swapTries = 4

// exchange does an exchange; renames of databases that do not exist are left out.
func (db *postgresDatabase) exchange(ctx context.Context, s *pgSession, e exchange) error {
	return db.alone(ctx, "exchange the databases", s, func(ctx context.Context) error { return db.exchangeOnce(ctx, s, e) })
}

// alone does with a session what needs that no other one is connected to the databases: it ends them, and tries again
// where others came in their place. Processes may be spared.
func (db *postgresDatabase) alone(ctx context.Context, action string, s *pgSession, do func(context.Context) error, spared ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	waiting := ctx
	ctx = context.WithoutCancel(ctx) // a transaction that was cut at its COMMIT may have happened or not
	for try := 1; ; try++ {
		stop := db.endSessions(ctx, spared...)
		err := do(ctx)
		stop()
		switch {
		case err == nil:
			return nil
		case code(err) != pgObjectInUse:
			return db.explain(action, err)
		case waiting.Err() != nil:
			return waiting.Err()
		case try == swapTries:
			return &BusyError{Name: db.names.live, Holder: s.describe(ctx, "SELECT pid, usename, client_addr FROM pg_stat_activity"+
				" WHERE datname = $1 LIMIT 3", db.names.live)}
		}
	}
}

// exchangeOnce goes on with the session's transaction where one is open: it comes to its end only with the exchange.
func (db *postgresDatabase) exchangeOnce(ctx context.Context, s *pgSession, e exchange) error {
	begin, rollback := "BEGIN", "ROLLBACK"
	if s.conn.TxStatus() == 'T' {
		begin, rollback = "SAVEPOINT exchange", "ROLLBACK TO exchange"
	}
	if err := s.exec(ctx, begin); err != nil {
		return err
	}
	for _, r := range e.renames {
		present, err := s.exists(ctx, r.from)
		if err == nil && present {
			err = s.exec(ctx, renaming(r))
			onStep("database renamed")
		}
		if err != nil {
			_ = s.exec(ctx, rollback)
			return err
		}
	}
	for database, comment := range e.comments {
		err := s.setComment(ctx, database, comment)
		onStep("comment set")
		if err != nil {
			_ = s.exec(ctx, rollback)
			return err
		}
	}
	err := s.exec(ctx, "COMMIT")
	onStep("renames committed")
	return err
}

func renaming(r rename) string {
	return fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", quoteIdentifier(r.from), quoteIdentifier(r.to))
}

// endSessions ends the sessions of the site, and those that come in their place, until the function
// that it gives is called. A database can be renamed only while nobody is connected to it; the rename
// itself keeps newcomers out, but they must all have gone once.
func (db *postgresDatabase) endSessions(ctx context.Context, spared ...string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, err := db.connect(ctx, db.maintenance)
		if err != nil {
			return // the rename says what is wrong
		}
		defer s.close()
		n := db.names
		for ctx.Err() == nil {
			// Each by itself: those that may not be ended must not keep the others.
			rows, err := s.query(ctx, "SELECT pid, datname FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()")
			if err != nil {
				return
			}
			for _, row := range rows {
				if !n.has(row[1]) {
					continue
				}
				if slices.Contains(spared, row[0]) {
					continue
				}
				_, _ = s.query(ctx, "SELECT pg_terminate_backend($1::int)", row[0])
			}
			_ = pause(ctx, 50*time.Millisecond)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (s *pgSession) exists(ctx context.Context, database string) (bool, error) {
	rows, err := s.query(ctx, "SELECT 1 FROM pg_database WHERE datname = $1", database)
	return len(rows) > 0, err
}

// dropRubbish drops what an earlier run left.
func (db *postgresDatabase) dropRubbish(ctx context.Context, s *pgSession) error {
	for _, database := range []string{db.names.incoming, db.names.spare} {
		present, err := s.exists(ctx, database)
		if err != nil {
			return db.explain("look for database "+database, err)
		}
		if !present {
			continue
		}
		for try := 1; ; try++ {
			stop := db.endSessions(ctx)
			err = s.exec(ctx, "DROP DATABASE IF EXISTS "+quoteIdentifier(database))
			stop()
			if code(err) != pgObjectInUse || try == swapTries {
				break
			}
		}
		if err != nil {
			return db.explain("drop database "+database, err)
		}
		onStep("rubbish dropped")
	}
	return nil
}

// create makes the scratch database, as the live one was made.
func (db *postgresDatabase) create(ctx context.Context, s *pgSession) error {
	statement := "CREATE DATABASE " + quoteIdentifier(db.names.incoming) + " TEMPLATE template0"
	// to_jsonb: which columns there are depends on the server's version.
	rows, err := s.query(ctx, "SELECT pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, r.rolname, t.spcname,"+
		" to_jsonb(d) ->> 'datlocprovider', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')"+
		" FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = $1",
		db.names.live)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		encoding, collate, ctype, owner, space, provider, locale := rows[0][0], rows[0][1], rows[0][2], rows[0][3], rows[0][4], rows[0][5], rows[0][6]
		statement += fmt.Sprintf(" ENCODING %s LC_COLLATE %s LC_CTYPE %s OWNER %s",
			quoteText(encoding), quoteText(collate), quoteText(ctype), quoteIdentifier(owner))
		if space != "pg_default" { // which is everyone's without a privilege, as long as it is not named
			statement += " TABLESPACE " + quoteIdentifier(space)
		}
		switch provider {
		case "i":
			statement += " LOCALE_PROVIDER icu ICU_LOCALE " + quoteText(locale)
		case "b":
			statement += " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + quoteText(locale)
		}
	}
	return s.exec(ctx, statement)
}

// copySettings gives the incoming database what belongs to the live one as a database and is in no
// dump: settings (ALTER DATABASE … SET), privileges on it, its comment and its limit of connections.
func (db *postgresDatabase) copySettings(ctx context.Context, s *pgSession) error {
	rows, err := s.query(ctx, `
SELECT CASE WHEN r.rolname IS NULL THEN format('ALTER DATABASE %I SET ', $2::text) ELSE format('ALTER ROLE %I IN DATABASE %I SET ', r.rolname, $2::text) END
    || format('%I TO ', split_part(c, '=', 1))
    || CASE WHEN split_part(c, '=', 1) IN (SELECT name FROM pg_settings WHERE vartype <> 'string')
         OR split_part(c, '=', 1) NOT IN ('search_path', 'DateStyle', 'datestyle', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
       THEN quote_literal(substr(c, strpos(c, '=') + 1)) ELSE substr(c, strpos(c, '=') + 1) END
  FROM pg_db_role_setting x JOIN pg_database d ON d.oid = x.setdatabase LEFT JOIN pg_roles r ON r.oid = x.setrole, unnest(x.setconfig) c
 WHERE d.datname = $1
UNION ALL
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
       CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $1
UNION ALL
SELECT format('COMMENT ON DATABASE %I IS %L', $2::text, shobj_description(oid, 'pg_database')) FROM pg_database
 WHERE datname = $1 AND shobj_description(oid, 'pg_database') IS NOT NULL
UNION ALL
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', $2::text, datconnlimit) FROM pg_database WHERE datname = $1 AND datconnlimit <> -1`,
		db.names.live, db.names.incoming)
	if err != nil {
		return err
	}
	restricted, err := s.query(ctx, "SELECT 1 FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL", db.names.live)
	if err != nil {
		return err
	}
	if len(restricted) > 0 {
		rows = append([][]string{{"REVOKE ALL ON DATABASE " + quoteIdentifier(db.names.incoming) + " FROM PUBLIC"}}, rows...)
	}
	for _, row := range rows {
		if err := s.exec(ctx, row[0]); code(err) != "" {
			db.config.Note(fmt.Sprintf("a setting of database %s is not carried over: %v", db.names.live, strings.TrimPrefix(err.Error(), "ERROR: ")))
		} else if err != nil {
			return err
		}
	}
	return nil
}
