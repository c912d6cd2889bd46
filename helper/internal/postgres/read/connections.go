package read

import (
	"context"
	"runtime"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// serverLimits is how many connections a server allows, and how many of them others use. A limit below zero means none.
type serverLimits struct {
	all, reserved, used         int
	roleLimit, roleUsed         int
	databaseLimit, databaseUsed int
}

// readers returns how many connections read rows: as many as are wanted, or as this machine can use, if the server can
// spare these and two more, for pg_dump and for the watcher. It is at least one.
func (l serverLimits) readers(wanted int) int {
	if wanted <= 0 {
		wanted = source.UsefulReaders(runtime.NumCPU())
	}
	return max(1, min(wanted, l.spare()-2))
}

// spareOne says whether there is a connection for the watcher, beside a reader and pg_dump.
func (l serverLimits) spareOne() bool { return l.spare() > 2 }

// spare returns how many connections a dump may use.
func (l serverLimits) spare() int {
	spare := (l.all - l.reserved - l.used) / source.ServerShare
	if l.roleLimit >= 0 {
		spare = min(spare, l.roleLimit-l.roleUsed)
	}
	if l.databaseLimit >= 0 {
		spare = min(spare, l.databaseLimit-l.databaseUsed)
	}
	return spare
}

// Limits of a role or a database do not apply to superusers.
const limitsQuery = `
SELECT current_setting('max_connections')::int,
  (SELECT sum(setting::int) FROM pg_settings WHERE name IN ('superuser_reserved_connections', 'reserved_connections'))::int,
  (SELECT count(*) - 1 FROM pg_stat_activity WHERE datid IS NOT NULL)::int,
  CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END,
  (SELECT count(*) - 1 FROM pg_stat_activity WHERE usesysid = r.oid)::int,
  CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END,
  (SELECT count(*) - 1 FROM pg_stat_activity WHERE datid = d.oid)::int
FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()`

func readLimits(ctx context.Context, conn *pgx.Conn) (l serverLimits, err error) {
	err = conn.QueryRow(ctx, limitsQuery).
		Scan(&l.all, &l.reserved, &l.used, &l.roleLimit, &l.roleUsed, &l.databaseLimit, &l.databaseUsed)
	return l, err
}
