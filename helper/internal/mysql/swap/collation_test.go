package swap

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// settled makes objects of each kind, each under a default collation, a character set and an sql_mode of its own.
func settled(generation string) []string {
	statements := []string{"CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20))"}
	for i, under := range []struct{ collation, charset, mode string }{
		{"latin1_swedish_ci", "latin1", "ANSI_QUOTES,PIPES_AS_CONCAT"}, {"utf8mb4_bin", "utf8mb4", ""},
		{"cp1251_general_ci", "cp1251", "NO_BACKSLASH_ESCAPES"}, {"utf8mb4_general_ci", "utf8mb4", "STRICT_ALL_TABLES"},
	} {
		statements = append(statements, "ALTER DATABASE COLLATE "+under.collation, "SET NAMES "+under.charset, "SET sql_mode = '"+under.mode+"'",
			fmt.Sprintf("CREATE FUNCTION f%d(a VARCHAR(20)) RETURNS VARCHAR(20) DETERMINISTIC BEGIN DECLARE b VARCHAR(9) DEFAULT '%s'; RETURN CONCAT(a, b); END", i, generation),
			fmt.Sprintf("CREATE PROCEDURE p%d(OUT a TEXT) SET a = '%s'", i, generation),
			fmt.Sprintf("CREATE TRIGGER t%d BEFORE INSERT ON t FOR EACH ROW BEGIN DECLARE b VARCHAR(9) DEFAULT '%s'; SET NEW.a = b; END", i, generation),
			fmt.Sprintf("CREATE EVENT e%d ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DISABLE DO SET @a = '%s'", i, generation))
	}
	return append(statements, "SET NAMES utf8mb4", "SET sql_mode = DEFAULT", "ALTER DATABASE COLLATE utf8mb4_general_ci")
}

// shownObjects are the objects of a database as the server shows them, with its default collation.
func shownObjects(t *testing.T, server *testserver.MySQL, database string) string {
	t.Helper()
	var text strings.Builder
	for _, query := range []string{
		"SELECT 'default', DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?",
		"SELECT ROUTINE_NAME, DTD_IDENTIFIER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ? ORDER BY 1",
		"SELECT SPECIFIC_NAME, PARAMETER_NAME, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = ? ORDER BY SPECIFIC_NAME, ORDINAL_POSITION",
		"SELECT TRIGGER_NAME, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION, ACTION_ORDER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY 1",
		"SELECT EVENT_NAME, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ? ORDER BY 1",
	} {
		rows, err := server.Query(query, database)
		targettest.Must(t, err)
		for _, row := range rows {
			text.WriteString(strings.Join(row, " | ") + "\n")
		}
	}
	for i := range 4 {
		for _, object := range []string{"FUNCTION f", "PROCEDURE p", "TRIGGER t", "EVENT e"} {
			kind, name, _ := strings.Cut(object, " ")
			rows, err := server.Query(fmt.Sprintf("SHOW CREATE %s %s.%s%d", kind, database, name, i))
			targettest.Must(t, err)
			row := rows[0]
			if kind == "TRIGGER" {
				row = row[:6] // not the time at which it was made
			}
			text.WriteString(strings.Join(row, " | ") + "\n")
		}
	}
	return text.String()
}

// A swap and an undo make routines, triggers and events again as they were: under the collation that was the database's default then, and
// not under its present one.
func TestObjectsKeepTheirSettings(t *testing.T) {
	for name, start := range map[string]func() (*testserver.MySQL, error){"mariadb": targettest.Mariadb, "mysql": targettest.Mysqld, "10.2": targettest.Mariadb102} {
		t.Run(name, func(t *testing.T) {
			server, err := start()
			targettest.Must(t, err)
			targettest.Fresh(t, server, "site90", settled("old")...)
			targettest.Fresh(t, server, "from90", settled("new")...)
			old, new := shownObjects(t, server, "site90"), shownObjects(t, server, "from90")
			db, said := targettest.Open(t, server.URL("site90"))
			targettest.Must(t, targettest.Pull(t, db, targettest.Mysqldump(t, server, "from90")))
			wantObjects(t, server, "after the pull", new)
			targettest.Must(t, db.Undo(t.Context()))
			wantObjects(t, server, "after the undo", old)
			targettest.Must(t, db.Undo(t.Context()))
			wantObjects(t, server, "after the second undo", new)
			if len(said.Lines) > 0 {
				t.Errorf("notes: %q", said.Lines)
			}
		})
	}
}

func wantObjects(t *testing.T, server *testserver.MySQL, when, want string) {
	t.Helper()
	if diff := cmp.Diff(want, shownObjects(t, server, "site90")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// A process that dies while the live database has another default leaves it to the next one to put it back.
func TestKilledUnderAnotherCollation(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site90", settled("old")...)
	targettest.Fresh(t, server, "from90", settled("new")...)
	old, new := shownObjects(t, server, "site90"), shownObjects(t, server, "from90")
	died := errors.New("the server died")
	func() {
		db, _ := targettest.Open(t, server.URL("site90"))
		defer func() {
			target.OnStep = func(string) {}
			if got := recover(); got != died {
				t.Fatalf("it ended with %v", got)
			}
		}()
		target.OnStep = func(step string) {
			if step == "default collation changed" {
				target.OnStep = func(string) {}
				panic(died)
			}
		}
		targettest.Must(t, targettest.Pull(t, db, targettest.Mysqldump(t, server, "from90")))
	}()
	again, _ := targettest.Open(t, server.URL("site90"))
	targettest.Must(t, again.Recover(t.Context()))
	wantObjects(t, server, "after the recovery", new)
	targettest.Must(t, again.Undo(t.Context()))
	wantObjects(t, server, "after the undo", old)
}
