package staging

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"strings"
)

// mysqlTable is a table whose rows are read.
type mysqlTable struct {
	name    string
	bytes   int64 // by the server's estimate, without secondary indexes
	innodb  bool
	columns []mysqlColumn // those that have values of their own
	// index is a key of an InnoDB table whose values are all there and all different; empty where there is none.
	index string
	// key is the first column of that key, by which the table can be cut; nil where there is none.
	key *mysqlColumn
	// order is the whole of that key, where rows can be read in pages along it; else empty.
	order    []orderColumn
	rowBytes int64 // by the server's estimate; 0 where there are no rows
	// versioned says that the rows are read in all their versions.
	versioned bool
}

// mysqlColumn is a column as information_schema describes it.
type mysqlColumn struct {
	name     string
	dataType string // such as int, varchar
	charset  string // of text; empty for everything else
	// numbered says that the values of an ENUM or SET are to be read as numbers: it has a member without text,
	// which a value that is none of the members looks like, too.
	numbered bool
	// primary says that it is of the key that the rows are stored by: the primary one, or what the server takes for it.
	primary bool
}

// readTables describes the given tables.
func readTables(ctx context.Context, conn *sql.Conn, names []string, v versions) ([]*mysqlTable, error) {
	tables := make([]*mysqlTable, len(names))
	byName := make(map[string]*mysqlTable, len(names))
	for i, name := range names {
		tables[i] = &mysqlTable{name: name}
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

func readColumns(ctx context.Context, conn *sql.Conn, tables map[string]*mysqlTable) error {
	rows, err := conn.QueryContext(ctx, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COALESCE(CHARACTER_SET_NAME, ''), COLUMN_TYPE, EXTRA, COLUMN_KEY = 'PRI'"+
		" FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION")
	if err != nil {
		return err
	}
	defer rows.Close()
	missing := maps.Clone(tables)
	for rows.Next() {
		var table, definition, extra string
		var column mysqlColumn
		if err := rows.Scan(&table, &column.name, &column.dataType, &column.charset, &definition, &extra, &column.primary); err != nil {
			return err
		}
		t := tables[table]
		delete(missing, table)
		// DEFAULT_GENERATED is no generated column, but one with an expression for its default.
		extra = strings.ReplaceAll(strings.ToUpper(extra), "DEFAULT_GENERATED", "")
		if t == nil || strings.Contains(extra, "GENERATED") || strings.Contains(extra, "PERSISTENT") {
			continue
		}
		column.dataType = strings.ToLower(column.dataType)
		if column.dataType == "enum" || column.dataType == "set" {
			// A quote at a member's beginning looks alike; to number such a column does no harm.
			column.numbered = strings.Contains(definition, "(''") || strings.Contains(definition, ",''")
		}
		t.columns = append(t.columns, column)
	}
	for name := range missing {
		// A server does not list the columns of a table that it may not look at for too long.
		return failure("read the columns of table "+name, ErrGaveWay, errors.New("it is gone, or somebody has locked it"))
	}
	return rows.Err()
}
