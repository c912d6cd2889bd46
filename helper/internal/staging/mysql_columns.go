package staging

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
)

// mysqlTable is a table whose rows are read.
type mysqlTable struct {
	name    string
	bytes   int64         // by the server's estimate, without secondary indexes
	columns []mysqlColumn // those that have values of their own
	// key is the first column of the primary key of an InnoDB table, by which the table can be cut; nil where
	// there is none.
	key *mysqlColumn
	// order is the whole of that key, as indexes of columns, where rows can be read in pages along it; else empty.
	order    []int
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
	return tables, readKeys(ctx, conn, byName)
}

func readColumns(ctx context.Context, conn *sql.Conn, tables map[string]*mysqlTable) error {
	rows, err := conn.QueryContext(ctx, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COALESCE(CHARACTER_SET_NAME, ''), COLUMN_TYPE, EXTRA"+
		" FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION")
	if err != nil {
		return err
	}
	defer rows.Close()
	missing := maps.Clone(tables)
	for rows.Next() {
		var table, definition, extra string
		var column mysqlColumn
		if err := rows.Scan(&table, &column.name, &column.dataType, &column.charset, &definition, &extra); err != nil {
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

// readKeys finds how tables can be cut, and how large they are.
func readKeys(ctx context.Context, conn *sql.Conn, tables map[string]*mysqlTable) error {
	// The names of two tables may differ in case alone, which information_schema does not tell apart everywhere.
	rows, err := conn.QueryContext(ctx, "SELECT t.TABLE_NAME, COALESCE(t.DATA_LENGTH, 0), COALESCE(t.TABLE_ROWS, 0), COALESCE(t.ENGINE, ''),"+
		" COALESCE(s.COLUMN_NAME, ''), s.SUB_PART IS NOT NULL, COALESCE(s.COLLATION, '')"+
		" FROM information_schema.TABLES t LEFT JOIN information_schema.STATISTICS s ON s.TABLE_SCHEMA = t.TABLE_SCHEMA"+
		" AND s.TABLE_NAME = t.TABLE_NAME AND CAST(s.TABLE_NAME AS BINARY) = CAST(t.TABLE_NAME AS BINARY) AND s.INDEX_NAME = 'PRIMARY'"+
		" WHERE t.TABLE_SCHEMA = DATABASE() ORDER BY t.TABLE_NAME, s.SEQ_IN_INDEX")
	if err != nil {
		return err
	}
	defer rows.Close()
	seen, broken := map[*mysqlTable]bool{}, map[*mysqlTable]bool{}
	for rows.Next() {
		var name, engine, key, direction string
		var bytes, count int64
		var part bool
		if err := rows.Scan(&name, &bytes, &count, &engine, &key, &part, &direction); err != nil {
			return err
		}
		t := tables[name]
		if t == nil {
			continue
		}
		first := !seen[t]
		seen[t] = true
		if t.bytes = bytes; count > 0 {
			t.rowBytes = bytes / count
		}
		i := slices.IndexFunc(t.columns, func(column mysqlColumn) bool { return column.name == key })
		usable := i >= 0 && strings.EqualFold(engine, "InnoDB") && !part
		if usable && first {
			t.key = &t.columns[i]
		}
		if usable && direction == "A" && t.columns[i].ordered() {
			t.order = append(t.order, i)
		} else {
			broken[t] = true
		}
	}
	for t := range seen {
		switch {
		case broken[t]:
			t.order = nil
		case t.versioned && len(t.order) > 0: // of the versions of a row each has an end of its own
			t.order = append(t.order, len(t.columns)-1)
		}
	}
	return rows.Err()
}
