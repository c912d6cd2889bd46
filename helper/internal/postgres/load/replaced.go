package load

import (
	"context"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
)

// Replaced counts the rows of the live database over a session of its own, which is closed before the swap.
func (l *Load) Replaced(ctx context.Context) (map[string]int64, error) {
	s, err := l.Server.Enter(ctx)
	if postgres.SQLState(err) == postgres.UnknownDatabase {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	tables, err := s.Query(ctx, "SELECT "+postgres.TableName("n.nspname", "c.relname")+", format('%I.%I', n.nspname, c.relname) FROM pg_class c"+
		" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"+
		" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')")
	if err != nil {
		return nil, l.Server.Classify("list the tables of "+l.Server.Names.Live, err)
	}
	rows := make(map[string]int64, len(tables))
	for _, table := range tables {
		counted, err := s.Query(ctx, "SELECT count(*) FROM "+table[1])
		switch {
		case err == nil && len(counted) == 1:
			var count int64
			if _, err := fmt.Sscan(counted[0][0], &count); err != nil {
				return nil, l.Server.Classify("count the rows of table "+table[0], err)
			}
			rows[table[0]] = count
		case postgres.SQLState(err) != "":
			rows[table[0]] = -1
		default:
			return nil, l.Server.Classify("count the rows of table "+table[0], err)
		}
	}
	return rows, nil
}
