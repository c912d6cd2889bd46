package read

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
)

// sampleMasked reads some rows of each table that has masked columns, so that the dump can be searched for their values.
func (s *snapshot) sampleMasked(ctx context.Context, plan *rules.Plan, leaks *leak.Check) error {
	if leaks == nil {
		return nil
	}
	for _, table := range plan.Tables() {
		columns := plan.Needed(table)
		err := leaks.Sample(plan, table, columns, func(row func([][]byte)) error { return s.sampleRows(ctx, table, columns, row) })
		if err != nil {
			return err
		}
	}
	return nil
}

// sampleRows reads the first rows of a table, without values that are long.
func (s *snapshot) sampleRows(ctx context.Context, table string, columns []string, row func([][]byte)) error {
	selected := make([]string, len(columns))
	for i, name := range columns {
		name = mysql.QuoteName(name)
		selected[i] = fmt.Sprintf("IF(LENGTH(%s) <= %d, %s, NULL)", name, leak.SampleBytes, name)
	}
	reader := s.readers[0]
	reader.touch(table)
	rows, err := reader.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s LIMIT %d", strings.Join(selected, ", "), mysql.QuoteName(table), leak.SampleRows))
	if err != nil {
		return err
	}
	if _, err := eachRow(rows, len(columns), row); err != nil {
		return err
	}
	return reader.giveBack(ctx)
}

// eachRow calls a function with the values of each row, nil for NULL, and returns how many rows there are. It closes the rows. The values are
// valid until the function returns.
func eachRow(rows *sql.Rows, columns int, row func([][]byte)) (n int, err error) {
	defer rows.Close()
	raw, values, targets := make([]sql.RawBytes, columns), make([][]byte, columns), make([]any, columns)
	for i := range raw {
		targets[i] = &raw[i]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return n, err
		}
		for i, value := range raw {
			values[i] = value
		}
		row(values)
	}
	return n, rows.Err()
}
