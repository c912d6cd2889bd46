package load

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
)

// changedCatalog finds what the present transaction has changed of the server's own objects in the database, whose numbers are below 16384:
// owners and privileges of functions, tables, columns, types and schemas, and what belongs to families of operators.
const changedCatalog = `
SELECT 1 FROM (
  SELECT xmin FROM pg_proc WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_class WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_attribute WHERE attrelid < 16384
  UNION ALL SELECT xmin FROM pg_type WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_namespace WHERE oid < 16384 AND nspname <> 'public'
  UNION ALL SELECT xmin FROM pg_operator WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_opclass WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_opfamily WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_amop WHERE amopfamily < 16384
  UNION ALL SELECT xmin FROM pg_amproc WHERE amprocfamily < 16384
  UNION ALL SELECT xmin FROM pg_collation WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_conversion WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_ts_config WHERE oid < 16384
  UNION ALL SELECT xmin FROM pg_ts_dict WHERE oid < 16384
) AS own(changed) WHERE changed = (txid_current() % 4294967296)::text::xid LIMIT 1`

// sparing executes statements of a dump as the pull's own account, which may change everything: a name without a schema is looked for in the
// server's own first. A text that changes something there is undone, and counts as forbidden.
func sparing(s *session.Session) func(context.Context, string) error {
	return func(ctx context.Context, text string) error {
		return within(ctx, s, text, func() error { return nil })
	}
}

// within executes a text and what follows from it in one transaction, which is undone if it fails or has changed what is the server's own.
// What follows finds names in pg_catalog alone.
func within(ctx context.Context, s *session.Session, text string, follow func() error) error {
	err := s.Exec(ctx, "BEGIN;\n"+text+";\nSET LOCAL search_path = pg_catalog, pg_temp")
	if err == nil {
		err = spared(ctx, s)
	}
	if err == nil {
		err = follow()
	}
	if err != nil {
		return errors.Join(err, s.Exec(ctx, "ROLLBACK"))
	}
	return s.Exec(ctx, "COMMIT")
}

// spared fails if the session's transaction has changed what is the server's own. Names are found in pg_catalog alone.
func spared(ctx context.Context, s *session.Session) error {
	rows, err := s.Query(ctx, changedCatalog)
	if err == nil && len(rows) > 0 {
		return &pgconn.PgError{Severity: "ERROR", Code: postgres.InsufficientPrivilege, Message: "it would change what is the server's own"}
	}
	return err
}
