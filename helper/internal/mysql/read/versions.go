package read

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// A system-versioned table of MariaDB keeps the earlier versions of its rows, each with the period in which it was
// current. A plain SELECT returns only current rows. Since 10.11 servers accept earlier versions, too.

// versions are the tables of which all versions of the rows are read.
type versions []string

// takesHistory is the first version of MariaDB that accepts earlier versions of rows.
var takesHistory = version.Version{Major: 10, Minor: 11, Patch: 0}

// insertHistory is what a dump with history sets. It is not in a comment: a server that does not know the setting
// refuses the dump at its beginning, instead of taking earlier versions of rows for rows.
const (
	insertHistory = "SET @OLD_INSERT_HISTORY=@@SYSTEM_VERSIONING_INSERT_HISTORY, SYSTEM_VERSIONING_INSERT_HISTORY=1;\n"
	endOfHistory  = "SET SYSTEM_VERSIONING_INSERT_HISTORY=@OLD_INSERT_HISTORY;\n"
)

// inspectVersions finds the system-versioned tables among those that are read, and says which ones come without
// history.
func (m *Server) inspectVersions(ctx context.Context, conn *sql.Conn, read []string) error {
	m.versions = nil
	if !m.release.IsMariaDB() {
		return nil
	}
	versioned, err := mysql.VersionedTables(ctx, conn, "")
	if err != nil {
		return err
	}
	var numbered, left []string
	for _, table := range versioned {
		switch {
		case !slices.Contains(read, table.Name):
		case m.config.Client, m.release.Version.Less(takesHistory):
			left = append(left, table.Name)
		case table.ByTransaction:
			numbered = append(numbered, table.Name)
		default:
			m.versions = append(m.versions, table.Name)
		}
	}
	if len(numbered) > 0 {
		m.config.Note("the history of tables whose versions are numbered by transactions is not in the dump, only their current rows: " + source.Enumerate(numbered))
	}
	if len(left) > 0 {
		why := fmt.Sprintf("servers before MariaDB %d.%d do not take it", takesHistory.Major, takesHistory.Minor)
		if m.config.Client {
			why = "the dump client leaves it"
		}
		m.config.Note("the history of system-versioned tables is not in the dump, only their current rows, since " + why + ": " + source.Enumerate(left))
	}
	return nil
}

// readPeriods returns the columns of versioned tables that hold the beginning and the end of a version's period. They
// come last in a dump: the end of a row shows whether it is current.
func (v versions) readPeriods(ctx context.Context, conn *sql.Conn, tables map[string]*tableRows) error {
	if len(v) == 0 {
		return nil
	}
	own := map[string]string{} // columns that tables declare for it, by table and by what they are
	rows, err := conn.QueryContext(ctx, "SELECT TABLE_NAME, COLUMN_NAME, GENERATION_EXPRESSION FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = DATABASE() AND GENERATION_EXPRESSION IN ('ROW START', 'ROW END')")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var table, column, kind string
		if err := rows.Scan(&table, &column, &kind); err != nil {
			return err
		}
		own[table+" "+kind] = column
	}
	for _, name := range v {
		t := tables[name]
		if t == nil {
			continue
		}
		t.versioned = true
		for _, period := range []struct{ kind, name string }{{"ROW START", "row_start"}, {"ROW END", "row_end"}} {
			t.columns = append(t.columns, literal.Column{Name: cmp.Or(own[name+" "+period.kind], period.name), DataType: "timestamp"})
		}
	}
	return rows.Err()
}
