package targettest

import (
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// foreignKeys lists all foreign keys of a server: "db/table/key -> db/table", by what it says and by what InnoDB keeps.
func foreignKeys(t *testing.T, server *testserver.MySQL) [][2]string {
	t.Helper()
	view := "INNODB_SYS_FOREIGN"
	if IsOracle(t, server) {
		view = "INNODB_FOREIGN"
	}
	var keys [][2]string
	for _, query := range []string{
		"SELECT CONCAT(CONSTRAINT_SCHEMA, '/', TABLE_NAME), CONCAT(UNIQUE_CONSTRAINT_SCHEMA, '/', REFERENCED_TABLE_NAME)" +
			" FROM information_schema.REFERENTIAL_CONSTRAINTS ORDER BY 1, 2",
		"SELECT FOR_NAME, REF_NAME FROM information_schema." + view + " ORDER BY 1, 2",
	} {
		rows, err := server.Query(query)
		Must(t, err)
		for _, row := range rows {
			keys = append(keys, [2]string{row[0], row[1]})
		}
	}
	return keys
}

// KeysStay fails the test where a foreign key leads into a database beside a live one, or out of it, and where one of the previous
// database waits for a table that is not there.
func KeysStay(t *testing.T, server *testserver.MySQL) {
	t.Helper()
	for _, key := range foreignKeys(t, server) {
		from, _, _ := strings.Cut(key[0], "/")
		to, table, _ := strings.Cut(key[1], "/")
		if from != to && (strings.Contains(from, "__dump_") || strings.Contains(to, "__dump_")) {
			t.Errorf("a foreign key leads from %s to %s", key[0], key[1])
		}
		if (strings.Contains(from, "__dump_previous") || strings.Contains(from, "__dump_older_")) && !strings.Contains(key[1], "@") {
			rows, err := server.Query("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", to, table)
			Must(t, err)
			if len(rows) == 0 {
				t.Errorf("a foreign key of %s waits for %s", key[0], key[1])
			}
		}
	}
}
