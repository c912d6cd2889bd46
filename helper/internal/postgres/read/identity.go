package read

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// systemIdentifier returns the number that a cluster and its standbys have; "" if this user may not know, or before PostgreSQL 9.6.
func systemIdentifier(ctx context.Context, tx pgx.Tx) (number string, err error) {
	var allowed bool
	err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'pg_control_system' AND pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'pg_catalog')"+
		" AND has_schema_privilege('pg_catalog', 'USAGE') AND has_function_privilege(oid, 'EXECUTE'))").Scan(&allowed)
	if err != nil || !allowed {
		return "", err
	}
	err = tx.QueryRow(ctx, "SELECT 'system ' || system_identifier::text FROM pg_catalog.pg_control_system()").Scan(&number)
	return number, err
}
