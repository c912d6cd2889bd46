package targettest

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// WantMySQL fails the test where the live database has changed or something is left beside it.
func WantMySQL(t *testing.T, server *testserver.MySQL, database, want string) {
	t.Helper()
	if diff := cmp.Diff(want, Content(t, server, database)); diff != "" {
		t.Errorf("database %s has changed (-want +got):\n%s", database, diff)
	}
	NoGarbage(t, server, database)
}

// SmallDisk starts a server whose files are on a disk of 160 MiB, in the folder dir.
func SmallDisk(t *testing.T) (server *testserver.MySQL, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "target-full-")
	Must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	unmount, err := testserver.SmallDisk(dir, "160m")
	Must(t, err)
	t.Cleanup(unmount)
	server, err = testserver.MariaDB(dir, "--innodb-data-file-path=ibdata1:12M", "--innodb-undo-tablespaces=0")
	Must(t, err)
	t.Cleanup(server.Stop)
	return server, dir
}

// TableStatement makes a table of what follows its name; the bracket may be closed already.
func TableStatement(name, definition string) string {
	if strings.Count(definition, "(") == strings.Count(definition, ")") {
		definition += ")"
	}
	return "CREATE TABLE " + mysql.QuoteName(name) + " (" + definition
}

// MariadbServer is the MariaDB server that the tests of a package share.
func MariadbServer(t *testing.T) *testserver.MySQL {
	t.Helper()
	server, err := Mariadb()
	Must(t, err)
	return server
}

// EachMariaDB runs a test on MariaDB of today and on 10.2, where no statement about a table is atomic.
func EachMariaDB(t *testing.T, test func(t *testing.T, server *testserver.MySQL)) {
	t.Helper()
	for name, start := range map[string]func() (*testserver.MySQL, error){"today": Mariadb, "10.2": Mariadb102} {
		t.Run(name, func(t *testing.T) {
			server, err := start()
			Must(t, err)
			test(t, server)
		})
	}
}

// EachServer runs a test on MariaDB and on MySQL.
func EachServer(t *testing.T, test func(t *testing.T, server *testserver.MySQL)) {
	t.Helper()
	for name, start := range map[string]func() (*testserver.MySQL, error){"mariadb": Mariadb, "mysql": Mysqld} {
		t.Run(name, func(t *testing.T) {
			server, err := start()
			Must(t, err)
			test(t, server)
		})
	}
}

// OneServer runs a test on MariaDB and, among the long tests, on MySQL. It is for tests that take long of what other tests try on both.
func OneServer(t *testing.T, test func(t *testing.T, server *testserver.MySQL)) {
	t.Helper()
	if Long() {
		EachServer(t, test)
		return
	}
	t.Run("mariadb", func(t *testing.T) { test(t, MariadbServer(t)) })
}

// Long reports whether the tests that take hours are wanted, which `make test-long` runs.
func Long() bool { return os.Getenv("DUMP_TEST_LONG") != "" }

// IsOracle reports whether a server is MySQL and not MariaDB.
func IsOracle(t *testing.T, server *testserver.MySQL) bool {
	t.Helper()
	rows, err := server.Query("SELECT VERSION()")
	Must(t, err)
	return !strings.Contains(rows[0][0], "MariaDB")
}

// Seq is a table with the numbers between two as its column seq, which MySQL does not have.
func Seq(from, to int) string {
	const digit = "(SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
	return fmt.Sprintf("(SELECT * FROM (SELECT a.n + 10*b.n + 100*c.n + 1000*d.n AS seq FROM %[1]s a, %[1]s b, %[1]s c, %[1]s d) some WHERE seq BETWEEN %[2]d AND %[3]d"+
		" ORDER BY seq) seq", digit, from, to)
}

// Fresh drops a database and everything that lies beside it, and makes it anew with the statements.
func Fresh(t *testing.T, server *testserver.MySQL, database string, statements ...string) {
	t.Helper()
	for _, suffix := range []string{"", "__dump_incoming", "__dump_previous", "__dump_spare", "__dump_older_1", "__dump_older_2", "__dump_older_3"} {
		Must(t, server.Exec("DROP DATABASE IF EXISTS "+mysql.QuoteName(database+suffix)))
	}
	if len(statements) > 0 {
		Must(t, server.Exec(append([]string{"CREATE DATABASE " + mysql.QuoteName(database), "USE " + mysql.QuoteName(database)}, statements...)...))
	}
}

// Mysqldump returns a database's whole content, in one text that is the same for equal databases.
func Mysqldump(t *testing.T, server *testserver.MySQL, database string, options ...string) string {
	t.Helper()
	words := append([]string{"mariadb-dump", "--no-defaults", "-uroot", "-S", server.Socket, "--routines", "--triggers", "--events",
		"--single-transaction", "--hex-blob"}, options...)
	return Command(t, append(words, database)...)
}

// counters finds the AUTO_INCREMENT counters in a dump.
var counters = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// WithoutCounters removes the AUTO_INCREMENT counters of tables from a dump.
func WithoutCounters(dump string) string { return counters.ReplaceAllString(dump, "") }

// Content is a dump without what differs between runs and names.
func Content(t *testing.T, server *testserver.MySQL, database string) string {
	t.Helper()
	KeysStay(t, server)
	text := Mysqldump(t, server, database, "--skip-comments")
	// What comes of a dump says which character set a collation has, in MySQL.
	return strings.NewReplacer(mysql.QuoteName(database), "`DB`", " CHARACTER SET utf8mb4 COLLATE", " COLLATE").Replace(text)
}

// NoGarbage fails the test where something but the previous database lies beside, or an account for loading is left.
func NoGarbage(t *testing.T, server *testserver.MySQL, database string) {
	t.Helper()
	KeysStay(t, server)
	rows, err := server.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE ? AND SCHEMA_NAME <> ?",
		database+"\\_\\_dump\\_%", database+"__dump_previous")
	Must(t, err)
	rows = slices.DeleteFunc(rows, func(row []string) bool { // older ones are kept
		journal, err := server.Query("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", row[0], session.JournalDone)
		Must(t, err)
		return strings.Contains(row[0], "__dump_older_") && len(journal) > 0
	})
	if len(rows) > 0 {
		t.Errorf("left beside: %v", rows)
	}
	rows, err = server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?, ?)",
		database+"__dump_previous", session.JournalPending, session.JournalSwapped)
	Must(t, err)
	if len(rows) > 0 {
		t.Errorf("an open journal: %v", rows)
	}
	rows, err = server.Query("SELECT User, Host FROM mysql.user WHERE User REGEXP '^dump_[0-9a-f]{11}$'")
	Must(t, err)
	if len(rows) > 0 {
		t.Errorf("accounts are left: %v", rows)
	}
}

// Site is a small database with everything that RENAME TABLE cannot move, and that a swap must carry
// nevertheless; generation tells one from another.
func Site(generation string) []string {
	return []string{
		"CREATE TABLE parent (id int PRIMARY KEY, name varchar(200))",
		"CREATE TABLE child (id int PRIMARY KEY AUTO_INCREMENT, parent int, CONSTRAINT fk_child FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
		"CREATE TABLE log (id int PRIMARY KEY AUTO_INCREMENT, what varchar(200)) ENGINE=MyISAM",
		"CREATE TABLE only_" + generation + " (id int)",
		"INSERT INTO parent VALUES (1, '" + generation + "'), (2, 'ünïcödé 🐦'), (3, 'DEFINER=`x`@`y` COLLATE utf8mb4_0900_ai_ci; USE other;')",
		"INSERT INTO child (parent) VALUES (1), (2), (2)",
		"INSERT INTO log (what) VALUES ('" + generation + "')",
		"CREATE VIEW z_base AS SELECT id, name, '" + generation + "' AS generation FROM parent",
		"CREATE VIEW a_top AS SELECT generation, count(*) AS n FROM z_base GROUP BY generation",
		"CREATE VIEW same AS SELECT id FROM child",
		"CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2 + length('" + generation + "')",
		"CREATE PROCEDURE note_it() BEGIN INSERT INTO log (what) VALUES ('called; DEFINER=`a`@`b`'); END",
		"CREATE TRIGGER child_added AFTER INSERT ON child FOR EACH ROW INSERT INTO log (what) VALUES ('trigger " + generation + "')",
		"CREATE TRIGGER child_second AFTER INSERT ON child FOR EACH ROW FOLLOWS child_added SET @x = 1",
		"CREATE EVENT tidy ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' COMMENT 'it''s " + generation + "' DO DELETE FROM log WHERE id < 0",
	}
}

// Oddities are what few databases have.
func Oddities(generation string) []string {
	return []string{
		"CREATE TABLE flat (a int, b int) ENGINE=Aria",
		"CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3",
		"CREATE TABLE versioned (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING",
		"CREATE SEQUENCE numbers START WITH 100",
		"CREATE TABLE numbered (id bigint DEFAULT NEXTVAL(numbers), v int)",
		"CREATE SEQUENCE letters",
		"CREATE TABLE numbered_twice (id bigint DEFAULT NEXTVAL(numbers) PRIMARY KEY, same bigint DEFAULT LASTVAL(numbers), code varchar(99) DEFAULT (CONCAT('`site1__dump_incoming`.', NEXTVAL(numbers) + NEXTVAL(letters))))",
		"CREATE TABLE numbered_versions (id bigint DEFAULT NEXTVAL(letters) PRIMARY KEY, v int) WITH SYSTEM VERSIONING",
		"INSERT INTO numbered_versions (v) VALUES (1)",
		"CREATE TABLE `we``ird na.me` (`se``lect` int)",
		"INSERT INTO flat VALUES (1, 2)", "INSERT INTO parted VALUES (1), (2), (3), (4)",
		"INSERT INTO versioned VALUES (1, 1)", "INSERT INTO numbered (v) VALUES (1)",
		"CREATE VIEW reaching AS SELECT p.id, '" + generation + "' AS g FROM parent p JOIN information_schema.ENGINES e ON e.ENGINE = 'InnoDB'",
		"CREATE EVENT sleeping ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DISABLE DO DELETE FROM log WHERE id < 0",
		"SET NAMES latin1", "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
		"CREATE PROCEDURE old_style() SELECT 'caf\xe9 " + generation + "' || \"id\" FROM parent",
		"ALTER DATABASE COLLATE latin1_german1_ci",
		"CREATE FUNCTION of_another_default(t varchar(9)) RETURNS varchar(9) DETERMINISTIC RETURN CONCAT(t, '" + generation + "')",
		"ALTER DATABASE COLLATE utf8mb4_general_ci",
		"SET NAMES utf8mb4", "SET sql_mode = DEFAULT",
		"CREATE VIEW view_" + generation + " AS SELECT 1 AS one",
	}
}
