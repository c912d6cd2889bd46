package mysql

import (
	"context"
	"database/sql"
	"strings"
)

// Rows gives the rows of a query, each by the lower-case names of its columns; NULL is "".
func Rows(ctx context.Context, conn *sql.Conn, query string, arguments ...any) ([]map[string]string, error) {
	rows, err := conn.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, targets := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		columns[i], targets[i] = strings.ToLower(columns[i]), &values[i]
	}
	var all []map[string]string
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make(map[string]string, len(columns))
		for i, column := range columns {
			row[column] = string(values[i])
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
