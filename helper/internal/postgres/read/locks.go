package read

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// locksQuery lists who holds, or waits for, a lock that keeps others from reading a table, and whom the latter wait for. Of the
// sessions of others, an account may only see whose they are.
var locksQuery = `WITH who AS (
  SELECT pid, concat_ws(' of ',
    CASE WHEN query NOT LIKE '%<%' THEN nullif(upper(concat_ws(' ', split_part(ltrim(query), ' ', 1), split_part(ltrim(query), ' ', 2))), '') END,
    usename) || ' (process ' || pid || coalesce(', ' || CASE WHEN state LIKE 'idle in transaction%' THEN
      'idle in its transaction for ' || extract(epoch FROM clock_timestamp() - state_change)::int || ' s' END, '') || ')' AS name
  FROM pg_catalog.pg_stat_activity WHERE application_name IS DISTINCT FROM 'dump-helper')
SELECT ` + postgres.TableName("n.nspname", "c.relname") + `, w.name, CASE WHEN l.granted THEN '' ELSE coalesce(
    (SELECT string_agg(b.name, ', ') FROM who b WHERE b.pid = ANY (pg_catalog.pg_blocking_pids(l.pid))), '') END, l.granted::text
FROM pg_catalog.pg_locks l JOIN who w USING (pid) JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f') AND n.nspname NOT LIKE 'pg\_%'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
ORDER BY l.granted DESC, 1`

// nameLock returns an error that says which table is locked, and by whom, if err is about a lock that was waited for in vain. That
// may be over by now: then it is err.
func (p *Server) nameLock(ctx context.Context, err error) error {
	if !errors.Is(err, source.ErrGaveWay) || !isLockTimeout(err) || ctx.Err() != nil {
		return err
	}
	s := &snapshot{postgres: p, goodbye: context.WithoutCancel(ctx)}
	defer s.Close()
	var failed error
	if s.aside, failed = s.connectAside(ctx); failed != nil {
		return err
	}
	rows, failed := s.now(ctx, locksQuery)
	if failed != nil || len(rows) == 0 {
		return err
	}
	var locks []string
	for _, row := range rows {
		table, who, behind, granted := row[0], row[1], row[2], row[3] == "true"
		switch {
		case granted:
			locks = append(locks, table+" is locked by "+who)
		case behind != "":
			locks = append(locks, fmt.Sprintf("%s waits for %s, which %s holds", who, table, behind))
		}
	}
	if len(locks) == 0 {
		return err
	}
	return source.Failure("read the tables", source.ErrGaveWay, errors.New(source.Enumerate(locks)))
}

// isLockTimeout reports whether the server refused a lock to us or to pg_dump after a while.
func isLockTimeout(err error) bool {
	var server *pgconn.PgError
	var client *source.ClientError
	return errors.As(err, &server) && server.Code == postgres.LockNotAvailable ||
		errors.As(err, &client) // whose reason is a lock
}

// namingLocks returns a reader that names the lock for which the source of a text waited in vain, and tells what was dropped.
func (p *Server) namingLocks(ctx context.Context, text io.Reader) io.Reader {
	return &lockNamer{p, ctx, text}
}

type lockNamer struct {
	server *Server
	ctx    context.Context //nolint:containedctx // of the dump: a reader has none of its own
	text   io.Reader
}

func (l *lockNamer) Read(p []byte) (int, error) {
	n, err := l.text.Read(p)
	if err != nil && err != io.EOF {
		err = l.server.nameLock(l.ctx, snapshotGone(err))
	}
	return n, err
}
