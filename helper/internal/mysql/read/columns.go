package read

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// tableRows is a table whose rows are read.
type tableRows struct {
	name    string
	bytes   int64 // by the server's estimate, without secondary indexes
	innodb  bool
	columns []literal.Column // without generated columns
	// index is the name of a unique key of an InnoDB table over columns that are NOT NULL; empty if there is none.
	index string
	// key is the first column of that key, along which the table can be cut; nil if there is none.
	key *literal.Column
	// order has all columns of that key if rows can be read in pages along it.
	order    []orderColumn
	rowBytes int64 // by the server's estimate; 0 if there are no rows
	// versioned means that all versions of the rows are read.
	versioned bool
	filter    rowfilter.Filter
	plan      *rules.Plan // of what is masked; nil if nothing is
}

// readTables describes the given tables.
func readTables(ctx context.Context, conn *sql.Conn, names []string, v versions) ([]*tableRows, error) {
	tables := make([]*tableRows, len(names))
	byName := make(map[string]*tableRows, len(names))
	for i, name := range names {
		tables[i] = &tableRows{name: name}
		byName[name] = tables[i]
	}
	if err := readColumns(ctx, conn, byName); err != nil {
		return nil, err
	}
	if err := v.readPeriods(ctx, conn, byName); err != nil {
		return nil, err
	}
	if err := readSizes(ctx, conn, byName); err != nil {
		return nil, err
	}
	return tables, readKeys(ctx, conn, byName)
}

func readColumns(ctx context.Context, conn *sql.Conn, tables map[string]*tableRows) error {
	rows, err := conn.QueryContext(ctx, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COALESCE(CHARACTER_SET_NAME, ''), COLUMN_TYPE, EXTRA, COLUMN_KEY = 'PRI'"+
		" FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION")
	if err != nil {
		return err
	}
	defer rows.Close()
	missing := maps.Clone(tables)
	for rows.Next() {
		var table, definition, extra string
		var column literal.Column
		if err := rows.Scan(&table, &column.Name, &column.DataType, &column.Charset, &definition, &extra, &column.Primary); err != nil {
			return err
		}
		t := tables[table]
		delete(missing, table)
		// DEFAULT_GENERATED is not a generated column: its default is an expression.
		extra = strings.ReplaceAll(strings.ToUpper(extra), "DEFAULT_GENERATED", "")
		if t == nil || strings.Contains(extra, "GENERATED") || strings.Contains(extra, "PERSISTENT") {
			continue
		}
		column.DataType = strings.ToLower(column.DataType)
		if column.DataType == "enum" || column.DataType == "set" {
			// This also matches a member that begins with a quote. It does no harm to read such a column by number.
			column.Numbered = strings.Contains(definition, "(''") || strings.Contains(definition, ",''")
		}
		t.columns = append(t.columns, column)
	}
	for name := range missing {
		// If a table stays locked for too long, the server leaves its columns out.
		return source.Failure("read the columns of table "+name, source.ErrGaveWay, errors.New("it is gone, or somebody has locked it"))
	}
	return rows.Err()
}
