package read

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Sample shows a sample of the tables that Inspect found to a visitor: see source.Source.
func (m *Server) Sample(ctx context.Context, rows, length int, visitor source.Visitor) error {
	err := m.session(ctx, func(conn *sql.Conn) error {
		var names []string
		for _, name := range m.tables {
			if !slices.Contains(m.structureOnly, name) && !slices.Contains(m.elsewhere, name) {
				names = append(names, name)
			}
		}
		described, err := describeColumns(ctx, conn, names, m.release)
		if err != nil {
			return reading("the columns", err)
		}
		tables, err := readTables(ctx, conn, names, nil)
		if err != nil {
			return reading("the tables", err)
		}
		for i, table := range tables {
			columns := visitor.Table(described[i])
			if len(columns) > 0 {
				if err := table.sample(ctx, conn, columns, rows, length, visitor); err != nil {
					return reading("a sample of table "+table.name, err)
				}
			}
			visitor.Done()
		}
		return nil
	})
	if err != nil {
		return m.classify(err)
	}
	return nil
}

// sample reads rows from both ends of a table.
func (t *tableRows) sample(ctx context.Context, conn *sql.Conn, columns []string, rows, length int, visitor source.Visitor) error {
	selected := make([]string, len(columns))
	for i, name := range columns {
		selected[i] = fmt.Sprintf("LEFT(%s, %d)", mysql.QuoteName(name), length)
	}
	query := "SELECT " + strings.Join(selected, ", ") + " FROM " + mysql.QuoteName(t.name)
	ends := []string{fmt.Sprintf(" LIMIT %d", rows)}
	if len(t.order) > 0 {
		newest := make([]string, len(t.order))
		for i, column := range t.order {
			newest[i] = mysql.QuoteName(t.columns[column.number].Name)
			if !column.falling {
				newest[i] += " DESC"
			}
		}
		ends = append(ends, t.forceIndex()+" ORDER BY "+strings.Join(newest, ", ")+ends[0])
	}
	for _, end := range ends {
		found, err := conn.QueryContext(ctx, query+end)
		if err != nil {
			return err
		}
		n, err := eachRow(found, len(columns), visitor.Row)
		if err != nil || n < rows { // those are all
			return err
		}
	}
	return nil
}
