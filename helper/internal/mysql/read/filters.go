package read

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// inspectFilters finds the tables of which the rules leave out rows, and checks that the rules can be applied.
func (m *Server) inspectFilters(ctx context.Context, conn *sql.Conn, info *source.Info, read []string) error {
	if len(m.config.Rows) == 0 {
		return nil
	}
	var names [][]string
	filters := map[string]rowfilter.Filter{}
	for _, table := range info.Tables {
		names = append(names, []string{table.Name})
	}
	for _, line := range rowfilter.Unmatched(m.config.Rows, names) {
		m.config.Note(line)
	}
	for _, table := range read {
		filter := rowfilter.For(m.config.Rows, table)
		if filter.All() {
			continue
		}
		filters[table] = filter
		info.Filtered = append(info.Filtered, table)
		for _, single := range filter.Singly() {
			_, err := conn.ExecContext(ctx, "SELECT 1 FROM "+mysql.QuoteName(table)+" WHERE "+single.Where()+" LIMIT 0")
			if mysql.IsVerdict(err) {
				return single.Refused(table, mysql.ServerMessage(err))
			}
			if err != nil {
				return err
			}
		}
	}
	if len(filters) == 0 {
		return nil
	}
	return m.checkReferences(ctx, conn, read, filters)
}

// reference is a foreign key within the database.
type reference struct {
	name, child, parent string
	from, to            []string // columns
}

// checkReferences fails with *source.NeededError if rows that are in the dump refer to rows that a rule leaves out.
func (m *Server) checkReferences(ctx context.Context, conn *sql.Conn, read []string, filters map[string]rowfilter.Filter) error {
	var all []*reference
	err := eachLine(ctx, conn, "SELECT CONSTRAINT_NAME, TABLE_NAME, REFERENCED_TABLE_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"+
		" WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION", func(v []string) {
		if filters[v[2]].All() || !slices.Contains(read, v[1]) {
			return
		}
		if len(all) == 0 || all[len(all)-1].child != v[1] || all[len(all)-1].name != v[0] {
			all = append(all, &reference{name: v[0], child: v[1], parent: v[2]})
		}
		r := all[len(all)-1]
		r.from, r.to = append(r.from, v[3]), append(r.to, v[4])
	})
	if err != nil || len(all) == 0 {
		return err
	}
	involved := slices.Collect(maps.Keys(filters))
	for _, r := range all {
		if !slices.Contains(involved, r.child) {
			involved = append(involved, r.child)
		}
	}
	described, err := readTables(ctx, conn, involved, m.versions)
	if err != nil {
		return reading("the tables of which rows are left out", err)
	}
	tables := map[string]*tableRows{}
	for _, table := range described {
		table.filter = filters[table.name]
		tables[table.name] = table
	}
	var needs []source.Need
	for _, r := range all {
		var refers int
		query := "SELECT EXISTS (" + r.lost(tables[r.child], tables[r.parent]) + ")"
		if err := conn.QueryRowContext(ctx, query).Scan(&refers); err != nil {
			return err
		}
		if refers == 1 {
			list, rule := filters[r.parent].Rule()
			needs = append(needs, source.Need{List: list, Rule: rule, Table: r.parent, By: fmt.Sprintf("foreign key %s of table %s", r.name, r.child)})
		}
	}
	if len(needs) > 0 {
		return &source.NeededError{Needs: needs}
	}
	return nil
}

// lost is the query for rows in the dump whose parent is on staging and not in the dump.
func (r *reference) lost(child, parent *tableRows) string {
	var there, kept []string
	for i := range r.from {
		from, to := "c."+mysql.QuoteName(r.from[i]), mysql.QuoteName(r.to[i])
		there, kept = append(there, "p."+to+" = "+from), append(kept, "k."+to+" = "+from)
	}
	return fmt.Sprintf("SELECT 1 FROM (%s) c JOIN %s p ON %s LEFT JOIN (%s) k ON %s WHERE k.%s IS NULL",
		child.filtered(r.from), mysql.QuoteName(r.parent), strings.Join(there, " AND "), parent.filtered(r.to), strings.Join(kept, " AND "), mysql.QuoteName(r.to[0]))
}

// filtered is the query for columns of the rows that are dumped.
func (t *tableRows) filtered(columns []string) string {
	names := make([]string, len(columns))
	for i, name := range columns {
		names[i] = mysql.QuoteName(name)
	}
	pages := newPager(t, span{})
	rest := pages.spanCondition() + t.limit()
	if t.filter.Limit.Limit > 0 && len(t.order) > 0 {
		pages.rowBytes = 1
		rest = pages.next(int(t.filter.Limit.Limit)).condition
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + mysql.QuoteName(t.name) + rest
}

// limit is the LIMIT of a table that is not read in pages.
func (t *tableRows) limit() string {
	if t.filter.Limit.Limit == 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", t.filter.Limit.Limit)
}
