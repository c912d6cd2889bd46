package read

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
)

// sampleMasked reads some rows of each table that has masked columns, so that the dump can be searched for their values.
func (m masking) sampleMasked(ctx context.Context, conn querier, leaks *leak.Check) error {
	if leaks == nil || m.plan == nil {
		return nil
	}
	tables := m.plan.Tables()
	for table := range m.columns {
		name := table.String()
		if !slices.Contains(tables, name) {
			continue
		}
		columns := m.plan.Needed(name)
		err := leaks.Sample(m.plan, name, columns, func(row func([][]byte)) error { return sampleRows(ctx, conn, table, columns, row) })
		if err != nil {
			return err
		}
	}
	return nil
}

// sampleRows reads the first rows of a table, without values that are long.
func sampleRows(ctx context.Context, conn querier, table relationName, columns []string, row func([][]byte)) error {
	selected := make([]string, len(columns))
	for i, name := range columns {
		text := postgres.QuoteIdentifier(name) + "::text"
		selected[i] = fmt.Sprintf("CASE WHEN octet_length(%s) <= %d THEN %s END", text, leak.SampleBytes, text)
	}
	rows, err := conn.Query(ctx, fmt.Sprintf("SELECT %s FROM ONLY %s LIMIT %d", strings.Join(selected, ", "),
		postgres.QuoteIdentifier(table.schema)+"."+postgres.QuoteIdentifier(table.name), leak.SampleRows))
	if err != nil {
		return err
	}
	_, err = eachRow(rows, len(columns), row)
	return err
}

// eachRow calls a function with the texts of each row, nil for NULL, and returns how many rows there are. It closes the rows.
func eachRow(rows pgx.Rows, columns int, row func([][]byte)) (n int, err error) {
	defer rows.Close()
	values, texts, targets := make([][]byte, columns), make([]*string, columns), make([]any, columns)
	for i := range texts {
		targets[i] = &texts[i]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return n, err
		}
		for i, text := range texts {
			if values[i] = nil; text != nil {
				values[i] = []byte(*text)
			}
		}
		row(values)
	}
	return n, rows.Err()
}
