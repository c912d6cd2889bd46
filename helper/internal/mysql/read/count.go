package read

import (
	"context"
	"database/sql"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// Count counts the rows of tables over one connection, as they go into a dump: of a system-versioned table in all their versions.
func (m *Server) Count(ctx context.Context, tables []string) (map[string]int64, error) {
	counted := make(map[string]int64, len(tables))
	err := m.session(ctx, func(conn *sql.Conn) error {
		for _, table := range tables {
			var rows int64
			query := "SELECT COUNT(*) FROM " + mysql.QuoteName(table)
			if slices.Contains(m.versions, table) {
				query += " FOR SYSTEM_TIME ALL"
			}
			if err := conn.QueryRowContext(ctx, query).Scan(&rows); err != nil {
				return err
			}
			counted[table] = rows
		}
		return nil
	})
	if err != nil {
		return nil, m.classify(err)
	}
	return counted, nil
}
