package swap

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// fixSequences points column defaults to the sequences of the live database. A default stores the name of the
// database in which it was made. A table with a default whose sequence is missing can only be altered by a statement
// that removes every such default.
func fixSequences(ctx context.Context, s *session.Session, n target.Names) error {
	// A view's columns show the defaults of its tables.
	rows, err := s.Table(ctx, "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_DEFAULT FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = ? AND LOCATE(?, COLUMN_DEFAULT) > 0"+
		" AND (TABLE_SCHEMA, TABLE_NAME) NOT IN (SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.VIEWS) ORDER BY TABLE_NAME, ORDINAL_POSITION", n.Live, mysql.QuoteName(n.Incoming)+".")
	if err != nil || len(rows) == 0 {
		return err
	}
	changes := map[string][]string{}
	var tables []string
	for _, row := range rows {
		// The name may also be part of a text. A column without such a default is left alone.
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
	// Otherwise the server refuses to alter a system-versioned table. Only MariaDB has sequences.
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
