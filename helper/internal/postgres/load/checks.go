package load

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// A CHECK may call functions that look at other rows, or give another result than when the row was written. Then the rows go in without it.

// checks are constraints that were dropped because rows of the dump violate them.
type checks struct {
	mutex sync.Mutex
	all   []droppedCheck
}

type droppedCheck struct{ table, name, definition string }

// dropCheck drops the constraint that a row violates: false if it was none of a table's.
func (l *Load) dropCheck(ctx context.Context, s *session.Session, violated error) (dropped bool, err error) {
	var server *pgconn.PgError
	if !errors.As(violated, &server) || server.ConstraintName == "" || server.TableName == "" || l.Columns != nil { // tables that exist stay as they are
		return false, nil
	}
	l.checks.mutex.Lock()
	defer l.checks.mutex.Unlock()
	// An inherited constraint is dropped where it was defined.
	rows, err := s.Query(ctx, `WITH RECURSIVE up(oid) AS (
  SELECT format('%I.%I', $1::text, $2::text)::regclass::oid
  UNION SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.oid)
SELECT format('%I.%I', n.nspname, c.relname), quote_ident(k.conname), pg_get_constraintdef(k.oid)
  FROM up JOIN pg_constraint k ON k.conrelid = up.oid JOIN pg_class c ON c.oid = up.oid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.conname = $3 AND k.contype = 'c' AND k.conislocal`, server.SchemaName, server.TableName, server.ConstraintName)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		check := droppedCheck{row[0], row[1], row[2]}
		if err := s.Exec(ctx, "ALTER TABLE "+check.table+" DROP CONSTRAINT "+check.name); err != nil {
			return false, err
		}
		l.checks.all = append(l.checks.all, check)
	}
	// Another session may have dropped it meanwhile.
	return true, nil
}

// checkNewRows adds the dropped constraints again, for rows to come.
func (l *Load) checkNewRows(ctx context.Context) error {
	for _, check := range l.checks.all {
		text := []byte("ALTER TABLE " + check.table + " ADD CONSTRAINT " + check.name + " " + check.definition + " NOT VALID")
		what := "constraint " + check.name + " of table " + check.table
		if err := l.asOnTheSite(ctx, l.Main, text); err != nil {
			return l.withoutIt(ctx, l.Main, Statement{Piece: sqltext.Piece{Kind: sqltext.Statement, Text: text}}, text, err)
		}
		l.once.Lose(what, what+" is left unvalidated: some rows of the dump violate it")
	}
	l.checks.all = nil
	return nil
}
