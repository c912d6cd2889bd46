package swap

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A database can be renamed only if no transaction is prepared in it, and dropped only if it has no subscription. That would show after everything
// has been loaded, so it is looked for before.

// obstacles lists what keeps a database from being exchanged: a predicate of it, the statements that remove it, and whether that is so only if the
// database is to be read.
const obstacles = `
SELECT format('has the prepared transaction %L of %s, which keeps it from being renamed', x.gid, x.owner),
  format('COMMIT PREPARED %1$L; or ROLLBACK PREPARED %1$L; in database %2$s', x.gid, x.database), false
  FROM pg_prepared_xacts x WHERE x.database = $1
UNION ALL SELECT format('has the subscription %s, which would go on in the database that was replaced', s.subname),
  format('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I; in database %2$s', s.subname, d.datname), false
  FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1
UNION ALL SELECT 'is invalid, because somebody began to drop it', format('DROP DATABASE %I;', datname), false
  FROM pg_database WHERE datname = $1 AND datconnlimit = -2
UNION ALL SELECT 'accepts no connections', format('ALTER DATABASE %I ALLOW_CONNECTIONS true;', datname), true
  FROM pg_database WHERE datname = $1 AND NOT datallowconn
UNION ALL SELECT 'has the connection limit 0', format('ALTER DATABASE %I CONNECTION LIMIT -1;', datname), true
  FROM pg_database WHERE datname = $1 AND datconnlimit = 0 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`

// Check looks for what keeps the databases from being exchanged: see target.Database.
func (db *Database) Check(ctx context.Context) error {
	s, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return err
	}
	defer s.Close()
	return db.checkObstacles(ctx, s, true)
}

// checkObstacles fails with *target.ObstacleError. Only a pull reads the live database.
func (db *Database) checkObstacles(ctx context.Context, s *session.Session, reads bool) error {
	for _, database := range []string{db.Names.Live, db.Names.Previous, db.Names.Incoming, db.Names.Spare} {
		rows, err := s.Query(ctx, obstacles, database)
		if err != nil {
			return db.Classify("look at database "+database, err)
		}
		for _, row := range rows {
			if onlyReading := row[2] == "t"; !onlyReading || reads && database == db.Names.Live {
				return &target.ObstacleError{Database: database, What: row[0], Remedy: row[1]}
			}
		}
	}
	return nil
}

// noTemplate lets a database be dropped that was marked as a template.
func noTemplate(ctx context.Context, s *session.Session, database string) error {
	rows, err := s.Query(ctx, "SELECT FROM pg_database WHERE datname = $1 AND datistemplate", database)
	if err != nil || len(rows) == 0 {
		return err
	}
	return s.Exec(ctx, "ALTER DATABASE "+postgres.QuoteIdentifier(database)+" IS_TEMPLATE false")
}
