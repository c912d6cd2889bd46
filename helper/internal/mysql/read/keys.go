package read

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
)

// Tables are cut, and read in pages, along a key whose values are all present and all different: the primary key, or
// else a unique key over columns that are NOT NULL.

// orderColumn is a column of the key along which rows are read.
type orderColumn struct {
	number  int // among the table's columns
	falling bool
}

// forceIndex makes the server read the table in the order of its key.
func (t *tableRows) forceIndex() string { return " FORCE INDEX (" + mysql.QuoteName(t.index) + ")" }

// primaryKey is the server's name for the primary key.
const primaryKey = "PRIMARY"

// uniqueKey is a unique key of a table.
type uniqueKey struct {
	table *tableRows
	name  string
	order []orderColumn
	// first is the number of the key's first column; -1 if it is generated, or if the key holds only the beginnings of
	// its values.
	first int
	// ordered means that rows can be read in pages along the key.
	ordered bool
	stored  bool // InnoDB stores the rows in its order
}

// readSizes reads the sizes of tables.
func readSizes(ctx context.Context, conn *sql.Conn, tables map[string]*tableRows) error {
	rows, err := conn.QueryContext(ctx, "SELECT TABLE_NAME, COALESCE(DATA_LENGTH, 0), COALESCE(TABLE_ROWS, 0), COALESCE(ENGINE, '') = 'InnoDB'"+
		" FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var bytes, count int64
		var innodb bool
		if err := rows.Scan(&name, &bytes, &count, &innodb); err != nil {
			return err
		}
		t := tables[name]
		if t == nil {
			continue
		}
		t.bytes, t.innodb = bytes, innodb
		if count > 0 {
			t.rowBytes = bytes / count
		}
	}
	return rows.Err()
}

// readKeys finds out how tables can be cut and read in pages.
func readKeys(ctx context.Context, conn *sql.Conn, tables map[string]*tableRows) error {
	hidden, err := hiddenIndexes(ctx, conn)
	if err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, "SELECT TABLE_NAME, INDEX_NAME, COALESCE(COLUMN_NAME, ''), SUB_PART IS NOT NULL, COALESCE(COLLATION, '') = 'D',"+
		" NULLABLE = 'YES' OR INDEX_TYPE <> 'BTREE' OR "+hidden+
		" FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX")
	if err != nil {
		return err
	}
	defer rows.Close()
	keys := map[*tableRows][]*uniqueKey{}
	for rows.Next() {
		var table, name, column string
		var part, falling, unusable bool
		if err := rows.Scan(&table, &name, &column, &part, &falling, &unusable); err != nil {
			return err
		}
		t := tables[table]
		if t == nil || !t.innodb {
			continue
		}
		all := keys[t]
		if len(all) == 0 || all[len(all)-1].name != name {
			all = append(all, &uniqueKey{table: t, name: name, first: -1, ordered: true})
			keys[t] = all
		}
		all[len(all)-1].add(column, falling, part || unusable)
	}
	for t, all := range keys {
		t.choose(all)
	}
	return rows.Err()
}

// hiddenIndexes returns the condition for an index that the server does not use even if it is told to.
func hiddenIndexes(ctx context.Context, conn *sql.Conn) (string, error) {
	rows, err := conn.QueryContext(ctx, "SELECT * FROM information_schema.STATISTICS WHERE 1 = 0")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	names, err := rows.Columns()
	condition := "1 = 0"
	switch {
	case slices.Contains(names, "IS_VISIBLE"): // MySQL
		condition = "IS_VISIBLE = 'NO'"
	case slices.Contains(names, "IGNORED"): // MariaDB
		condition = "IGNORED = 'YES'"
	}
	return condition, errors.Join(err, rows.Err())
}

// add adds a column to a key.
func (k *uniqueKey) add(name string, falling, unusable bool) {
	i := slices.IndexFunc(k.table.columns, func(column literal.Column) bool { return column.Name == name })
	if i < 0 || unusable {
		k.ordered = false
		return
	}
	if len(k.order) == 0 && k.ordered {
		k.first = i
	}
	k.order = append(k.order, orderColumn{i, falling})
	k.ordered = k.ordered && ordered(k.table.columns[i])
}

// choose picks the best key. Rows are read and loaded fastest in the order in which they are stored.
func (t *tableRows) choose(keys []*uniqueKey) {
	stored := 0
	for _, column := range t.columns {
		if column.Primary {
			stored++
		}
	}
	for _, key := range keys {
		key.stored = len(key.order) == stored && !slices.ContainsFunc(key.order, func(c orderColumn) bool { return !t.columns[c.number].Primary })
	}
	best := slices.MinFunc(keys, func(a, b *uniqueKey) int {
		return cmp.Or(falseLast(a.ordered, b.ordered), falseLast(a.name == primaryKey, b.name == primaryKey), falseLast(a.stored, b.stored),
			cmp.Compare(len(a.order), len(b.order)), cmp.Compare(a.name, b.name))
	})
	if best.first < 0 || !best.ordered && best.name != primaryKey {
		return
	}
	t.index, t.key = best.name, &t.columns[best.first]
	if !best.ordered {
		return
	}
	t.order = best.order
	if t.versioned { // each version of a row ends at a time of its own
		t.order = append(t.order, orderColumn{number: len(t.columns) - 1})
	}
}

func falseLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// ordered reports whether rows can be read in pages along a column: whether its values can be written so that the
// server compares them in the order of the index. The server orders members of an ENUM or SET by their numbers, for
// which it uses no index, and it rounds what it prints of a FLOAT or DOUBLE.
func ordered(c literal.Column) bool {
	switch c.DataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "bit",
		"date", "datetime", "timestamp", "time", "year", "binary", "varbinary", "uuid", "inet4", "inet6":
		return true
	}
	return isText(c.DataType) && c.Charset != ""
}

func isText(dataType string) bool { return dataType == "char" || dataType == "varchar" }
