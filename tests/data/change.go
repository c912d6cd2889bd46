package data

import (
	"context"
	"fmt"
)

// changedShare is which part of all rows Change changes.
const changedShare = 0.01

// Change lets a day pass on a site that Load has filled with the same options: one row in a hundred changes, as sites change. Half of these
// rows are updates of recent keys in one table, three in ten are new ones at the end of another, and the rest are deleted here and there.
// The same day does the same to the same rows.
func Change(ctx context.Context, address string, o Options, day int) error {
	return with(ctx, address, func(d Dialect, execute func(string) error) error {
		rows := 0
		for _, t := range tables(d, o) {
			rows += t.count
		}
		changed := int(changedShare * float64(rows))
		for _, statement := range []string{
			fmt.Sprintf("UPDATE job_statistics SET views = views + 1 WHERE job_id > (SELECT * FROM (SELECT MAX(job_id) FROM job_statistics) AS last) - %d", changed/2/5),
			fmt.Sprintf("INSERT INTO watchdog (uid, type, message, variables, severity, link, location, referer, hostname, timestamp)"+
				" SELECT uid, type, CONCAT(message, ' again on day %d'), variables, severity, link, location, referer, hostname, timestamp + %d"+
				" FROM watchdog WHERE wid <= %d", day, day*86400, changed*3/10),
			everyNth("taxonomy_index", "nid * 31 + tid", day, changed/10, o),
			everyNth("node__field_tags", "entity_id * 31 + delta", day, changed/10, o),
		} {
			if err := execute(statement); err != nil {
				return fmt.Errorf("run %.60q: %w", statement, err)
			}
		}
		return nil
	})
}

// everyNth deletes about so many rows that lie all over a table of three rows for each node.
func everyNth(table, number string, day, deleted int, o Options) string {
	n := max(siteOf(o).nodes*3/max(deleted, 1), 2)
	return fmt.Sprintf("DELETE FROM %s WHERE MOD(%s, %d) = %d", table, number, n, day%n)
}
