package read

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// tableRows is a table whose rows are read.
type tableRows struct {
	name    string
	bytes   int64 // by the server's estimate, without secondary indexes
	innodb  bool
	columns []literal.Column // those that have values of their own
	// index is a key of an InnoDB table whose values are all there and all different; empty where there is none.
	index string
	// key is the first column of that key, by which the table can be cut; nil where there is none.
	key *literal.Column
	// order is the whole of that key, where rows can be read in pages along it; else empty.
	order    []orderColumn
	rowBytes int64 // by the server's estimate; 0 where there are no rows
	// versioned says that the rows are read in all their versions.
	versioned bool
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
		// DEFAULT_GENERATED is no generated column, but one with an expression for its default.
		extra = strings.ReplaceAll(strings.ToUpper(extra), "DEFAULT_GENERATED", "")
		if t == nil || strings.Contains(extra, "GENERATED") || strings.Contains(extra, "PERSISTENT") {
			continue
		}
		column.DataType = strings.ToLower(column.DataType)
		if column.DataType == "enum" || column.DataType == "set" {
			// A quote at a member's beginning looks alike; to number such a column does no harm.
			column.Numbered = strings.Contains(definition, "(''") || strings.Contains(definition, ",''")
		}
		t.columns = append(t.columns, column)
	}
	for name := range missing {
		// A server does not list the columns of a table that it may not look at for too long.
		return source.Failure("read the columns of table "+name, source.ErrGaveWay, errors.New("it is gone, or somebody has locked it"))
	}
	return rows.Err()
}
