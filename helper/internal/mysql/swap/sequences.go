package swap

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// fixSequences turns defaults that take their values from sequences to those in the live database: they name them with
// the database that they were made in. A table with a default whose sequence is nowhere can only be altered by a
// statement that leaves no such default.
func fixSequences(ctx context.Context, s *session.Session, n target.Names) error {
	rows, err := s.Table(ctx, "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_DEFAULT FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = ? AND LOCATE(?, COLUMN_DEFAULT) > 0 ORDER BY TABLE_NAME, ORDINAL_POSITION", n.Live, mysql.QuoteName(n.Incoming)+".")
	if err != nil || len(rows) == 0 {
		return err
	}
	changes := map[string][]string{}
	var tables []string
	for _, row := range rows {
		// The name may also be in a text, and a column without such a default is none of ours.
		fixed := renamedDatabase(row["column_default"], n.Incoming, n.Live)
		if fixed == row["column_default"] {
			continue
		}
		table := row["table_name"]
		if changes[table] == nil {
			tables = append(tables, table)
		}
		changes[table] = append(changes[table], fmt.Sprintf("ALTER COLUMN %s SET DEFAULT (%s)", mysql.QuoteName(row["column_name"]), fixed))
	}
	// Otherwise the server refuses to alter a table that keeps the versions of its rows. Only MariaDB has sequences.
	if err := s.Exec(ctx, "SET SESSION system_versioning_alter_history = KEEP"); err != nil {
		return err
	}
	for _, table := range tables {
		err := s.Exec(ctx, fmt.Sprintf("ALTER TABLE %s.%s %s", mysql.QuoteName(n.Live), mysql.QuoteName(table), strings.Join(changes[table], ", ")))
		if err != nil {
			return err
		}
	}
	return nil
}
