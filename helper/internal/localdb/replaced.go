package localdb

import (
	"context"
	"fmt"
)

// Replaced counts the tables of the live database one after the other; the server reads them while others use them.
func (l *mysqlLoad) Replaced(ctx context.Context) (map[string]int64, error) {
	tables, err := l.lock.list(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE IN"+
		" ('BASE TABLE', 'SYSTEM VERSIONED')", l.db.names.live)
	if err != nil {
		return nil, l.db.explain("list the tables of "+l.db.names.live, err)
	}
	rows := make(map[string]int64, len(tables))
	for _, table := range tables {
		var count int64
		err := l.lock.conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quoteName(l.db.names.live)+"."+quoteName(table)).Scan(&count)
		switch {
		case err == nil:
			rows[table] = count
		case number(err) != 0:
			rows[table] = -1 // a table that is damaged, or of an engine that does not answer
		default:
			return nil, l.db.explain("count the rows of table "+table, err)
		}
	}
	return rows, nil
}

// Replaced counts them over a session of its own, which is closed before the swap.
func (l *postgresLoad) Replaced(ctx context.Context) (map[string]int64, error) {
	s, err := l.db.enter(ctx)
	if code(err) == pgUnknownDatabase {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.close()
	tables, err := s.query(ctx, "SELECT n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname) FROM pg_class c"+
		" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"+
		" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')")
	if err != nil {
		return nil, l.db.explain("list the tables of "+l.db.names.live, err)
	}
	rows := make(map[string]int64, len(tables))
	for _, table := range tables {
		counted, err := s.query(ctx, "SELECT count(*) FROM "+table[1])
		switch {
		case err == nil && len(counted) == 1:
			var count int64
			if _, err := fmt.Sscan(counted[0][0], &count); err != nil {
				return nil, l.db.explain("count the rows of table "+table[0], err)
			}
			rows[table[0]] = count
		case code(err) != "":
			rows[table[0]] = -1
		default:
			return nil, l.db.explain("count the rows of table "+table[0], err)
		}
	}
	return rows, nil
}
