package load

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// Replaced counts the rows of the live database, one table after the other. Others can use the tables meanwhile.
func (l *Load) Replaced(ctx context.Context) (map[string]int64, error) {
	tables, err := l.Lock.List(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE IN"+
		" ('BASE TABLE', 'SYSTEM VERSIONED')", l.Server.Names.Live)
	if err != nil {
		return nil, l.Server.Classify("list the tables of "+l.Server.Names.Live, err)
	}
	rows := make(map[string]int64, len(tables))
	for _, table := range tables {
		var count int64
		err := l.Lock.Conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+mysql.QuoteName(l.Server.Names.Live)+"."+mysql.QuoteName(table)).Scan(&count)
		switch {
		case err == nil:
			rows[table] = count
		case mysql.Errno(err) != 0:
			rows[table] = -1 // a damaged table, or one whose engine does not answer
		default:
			return nil, l.Server.Classify("count the rows of table "+table, err)
		}
	}
	return rows, nil
}
