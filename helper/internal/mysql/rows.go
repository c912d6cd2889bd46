package mysql

import (
	"context"
	"database/sql"
	"strings"
)

// Lines returns the rows of a query as text, and the names of its columns; NULL is "".
func Lines(ctx context.Context, conn *sql.Conn, query string, arguments ...any) (columns []string, lines [][]string, err error) {
	rows, err := conn.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		return nil, nil, err
	}
	values, targets := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, nil, err
		}
		line := make([]string, len(columns))
		for i, value := range values {
			line[i] = string(value)
		}
		lines = append(lines, line)
	}
	return columns, lines, rows.Err()
}

// Rows returns the rows of a query, each by the lower-case names of its columns; NULL is "".
func Rows(ctx context.Context, conn *sql.Conn, query string, arguments ...any) ([]map[string]string, error) {
	columns, lines, err := Lines(ctx, conn, query, arguments...)
	if err != nil {
		return nil, err
	}
	for i, column := range columns {
		columns[i] = strings.ToLower(column)
	}
	var all []map[string]string
	for _, line := range lines {
		row := make(map[string]string, len(columns))
		for i, column := range columns {
			row[column] = line[i]
		}
		all = append(all, row)
	}
	return all, nil
}
