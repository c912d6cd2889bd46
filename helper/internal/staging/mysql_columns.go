package staging

import (
	"context"
	"database/sql"
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
func readTables(ctx context.Context, conn *sql.Conn, names []string) ([]*mysqlTable, error) {
	tables := make([]*mysqlTable, len(names))
	byName := make(map[string]*mysqlTable, len(names))
	for i, name := range names {
		tables[i] = &mysqlTable{name: name}
		byName[name] = tables[i]
	}
	if err := readColumns(ctx, conn, byName); err != nil {
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
	for rows.Next() {
		var table, definition, extra string
		var column mysqlColumn
		if err := rows.Scan(&table, &column.name, &column.dataType, &column.charset, &definition, &extra); err != nil {
			return err
		}
		t := tables[table]
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
	return rows.Err()
}

// readKeys finds how tables can be cut, and how large they are.
func readKeys(ctx context.Context, conn *sql.Conn, tables map[string]*mysqlTable) error {
	rows, err := conn.QueryContext(ctx, "SELECT t.TABLE_NAME, COALESCE(t.DATA_LENGTH, 0), COALESCE(t.ENGINE, ''), COALESCE(s.COLUMN_NAME, '')"+
		" FROM information_schema.TABLES t LEFT JOIN information_schema.STATISTICS s ON s.TABLE_SCHEMA = t.TABLE_SCHEMA"+
		" AND s.TABLE_NAME = t.TABLE_NAME AND s.INDEX_NAME = 'PRIMARY' AND s.SEQ_IN_INDEX = 1 AND s.SUB_PART IS NULL"+
		" WHERE t.TABLE_SCHEMA = DATABASE()")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, engine, key string
		var bytes int64
		if err := rows.Scan(&name, &bytes, &engine, &key); err != nil {
			return err
		}
		t := tables[name]
		if t == nil {
			continue
		}
		t.bytes = bytes
		for i := range t.columns {
			if t.columns[i].name == key && strings.EqualFold(engine, "InnoDB") {
				t.key = &t.columns[i]
			}
		}
	}
	return rows.Err()
}
