package mysql

import (
	"context"
	"database/sql"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// ShowCreateTable returns the statement that makes a table, whose name is quoted. It returns "" for a view.
func ShowCreateTable(ctx context.Context, conn *sql.Conn, name string) (string, error) {
	rows, err := Rows(ctx, conn, "SHOW CREATE TABLE "+name)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", ErrVanished
	}
	return rows[0]["create table"], nil
}

// CutCounter cuts a table's definition around its AUTO_INCREMENT counter, which moves with every row.
func CutCounter(definition string) (before, counter, after string) {
	const option = "AUTO_INCREMENT"
	if !strings.Contains(definition, option+"=") {
		return definition, "", ""
	}
	text := []byte(definition)
	all := sqltext.Tokens(text, sqltext.MySQL)
	for i := 2; i < len(all); i++ {
		// A comment may say the same, and a column may have that name.
		if all[i-2].Is(text, option) && all[i-1].IsSymbol(text, '=') {
			return definition[:all[i-2].Start], definition[all[i-2].Start:all[i].End], definition[all[i].End:]
		}
	}
	return definition, "", ""
}

// WithoutCounter returns a table's definition without its AUTO_INCREMENT counter.
func WithoutCounter(definition string) string {
	before, counter, after := CutCounter(definition)
	if counter == "" {
		return definition
	}
	return strings.TrimSuffix(before, " ") + after
}

// ReferenceSystems returns the reference systems (SRID) of the geometries in the session's database, by table and column.
// MariaDB keeps the option REF_SYSTEM_ID of a column, but does not show it with the rest of the table. MySQL shows it.
func ReferenceSystems(ctx context.Context, conn *sql.Conn) (map[string]map[string]string, error) {
	rows, err := Rows(ctx, conn, "SELECT G_TABLE_NAME AS `table`, G_GEOMETRY_COLUMN AS `column`, SRID AS number"+
		" FROM information_schema.GEOMETRY_COLUMNS WHERE G_TABLE_SCHEMA = DATABASE() AND SRID <> 0")
	all := map[string]map[string]string{}
	for _, row := range rows {
		if all[row["table"]] == nil {
			all[row["table"]] = map[string]string{}
		}
		all[row["table"]][row["column"]] = row["number"]
	}
	return all, err
}
