package read

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// countable lists the tables that may have rows, with those into which a dump's rows of them are restored, and for tables of extensions the condition
// for rows that are in dumps.
const countable = `
SELECT n.nspname, c.relname, tn.nspname, tc.relname, c.relkind = 'p', quote_ident(n.nspname) || '.' || quote_ident(c.relname), coalesce(e.condition, '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class tc ON tc.oid = %s
JOIN pg_namespace tn ON tn.oid = tc.relnamespace
LEFT JOIN (SELECT unnest(extconfig) AS oid, unnest(extcondition) AS condition FROM pg_extension) e ON e.oid = c.oid
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'`

// Count counts rows: see source.Source. Those of a partition count where a dump has them. Tables that do not exist have no count.
func (p *Server) Count(ctx context.Context, tables []string) (map[string]int64, error) {
	counted := make(map[string]int64, len(tables))
	err := p.session(ctx, func(tx pgx.Tx) error {
		to := "c.oid"
		if !p.server.Less(version.Version{Major: 12}) {
			to = restoredTo
		}
		rows, err := p.texts(ctx, tx, fmt.Sprintf(countable, to))
		if err != nil {
			return err
		}
		for _, row := range rows {
			name, restored := relationName{row[0], row[1]}.String(), relationName{row[2], row[3]}.String()
			if !slices.Contains(tables, name) {
				continue
			}
			var here int64
			if row[4] != "true" {
				if err := tx.QueryRow(ctx, "SELECT count(*) FROM ONLY "+row[5]+" "+row[6]).Scan(&here); err != nil {
					return err
				}
			}
			counted[name] += 0
			counted[restored] += here
		}
		return nil
	})
	if err != nil {
		return nil, p.classify(err)
	}
	return counted, nil
}
