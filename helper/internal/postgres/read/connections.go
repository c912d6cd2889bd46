package read

import (
	"context"
	"runtime"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// serverLimits is how many connections a server has, and how many of them are in use by others than us. A limit
// below zero is none.
type serverLimits struct {
	all, reserved, used         int
	roleLimit, roleUsed         int
	databaseLimit, databaseUsed int
}

// readers gives how many connections read rows: as many as are wanted, or as this machine has use for, where the
// server can spare them and two more, for pg_dump and for one that looks who waits; at least one.
func (l serverLimits) readers(wanted int) int {
	if wanted <= 0 {
		wanted = source.UsefulReaders(runtime.NumCPU())
	}
	return max(1, min(wanted, l.spare()-2))
}

// spareOne says whether there is a connection to look who waits, beside one that reads and pg_dump's.
func (l serverLimits) spareOne() bool { return l.spare() > 2 }

// spare is how many connections a dump may take.
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

// Limits of a role and of a database do not hold for superusers.
const postgresLimitsQuery = `
SELECT current_setting('max_connections')::int,
  (SELECT sum(setting::int) FROM pg_settings WHERE name IN ('superuser_reserved_connections', 'reserved_connections'))::int,
  (SELECT count(*) - 1 FROM pg_stat_activity WHERE datid IS NOT NULL)::int,
  CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END,
  (SELECT count(*) - 1 FROM pg_stat_activity WHERE usesysid = r.oid)::int,
  CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END,
  (SELECT count(*) - 1 FROM pg_stat_activity WHERE datid = d.oid)::int
FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()`

func readPostgresLimits(ctx context.Context, conn *pgx.Conn) (l serverLimits, err error) {
	err = conn.QueryRow(ctx, postgresLimitsQuery).
		Scan(&l.all, &l.reserved, &l.used, &l.roleLimit, &l.roleUsed, &l.databaseLimit, &l.databaseUsed)
	return l, err
}
