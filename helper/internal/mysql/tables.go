package mysql

import (
	"context"
	"database/sql"
	"strings"
)

// StoredTables is the condition in information_schema.TABLES for tables of every kind and sequences, but not for views.
const StoredTables = "TABLE_TYPE NOT LIKE '%VIEW' AND TABLE_TYPE NOT LIKE '%TEMPORARY%'"

// VersionedTable is a system-versioned table of MariaDB.
type VersionedTable struct {
	Name string
	// ByTransaction means that its versions are numbered by transactions, and not marked with times.
	ByTransaction bool
}

// VersionedTables lists the system-versioned tables of a database; "" is that of the session.
func VersionedTables(ctx context.Context, conn *sql.Conn, database string) ([]VersionedTable, error) {
	schema, arguments := "DATABASE()", []any(nil)
	if database != "" {
		schema, arguments = "?", []any{database}
	}
	// Joining the columns of many tables takes a server seconds.
	found, err := Rows(ctx, conn, "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+schema+" AND TABLE_TYPE = 'SYSTEM VERSIONED' LIMIT 1", arguments...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	rows, err := Rows(ctx, conn, "SELECT t.TABLE_NAME AS name, COALESCE(c.DATA_TYPE, 'timestamp') AS type FROM information_schema.TABLES t"+
		" LEFT JOIN information_schema.COLUMNS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND BINARY c.TABLE_NAME = t.TABLE_NAME AND c.GENERATION_EXPRESSION = 'ROW START'"+
		" WHERE t.TABLE_SCHEMA = "+schema+" AND t.TABLE_TYPE = 'SYSTEM VERSIONED' ORDER BY t.TABLE_NAME", arguments...)
	var all []VersionedTable
	for _, row := range rows {
		all = append(all, VersionedTable{row["name"], !strings.EqualFold(row["type"], "timestamp")})
	}
	return all, err
}
