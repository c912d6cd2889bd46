package localdb

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func mariadbServer(t *testing.T) *testserver.MySQL {
	t.Helper()
	server, err := mariadb()
	must(t, err)
	return server
}

// eachServer runs a test on MariaDB and on MySQL.
func eachServer(t *testing.T, test func(t *testing.T, server *testserver.MySQL)) {
	t.Helper()
	for name, start := range map[string]func() (*testserver.MySQL, error){"mariadb": mariadb, "mysql": mysqld} {
		t.Run(name, func(t *testing.T) {
			server, err := start()
			must(t, err)
			test(t, server)
		})
	}
}

// isOracle says whether a server is MySQL and not MariaDB.
func isOracle(t *testing.T, server *testserver.MySQL) bool {
	t.Helper()
	rows, err := server.Query("SELECT VERSION()")
	must(t, err)
	return !strings.Contains(rows[0][0], "MariaDB")
}

// seq is a table with the numbers between two as its column seq, which MySQL does not have.
func seq(from, to int) string {
	const digit = "(SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
	return fmt.Sprintf("(SELECT * FROM (SELECT a.n + 10*b.n + 100*c.n + 1000*d.n AS seq FROM %[1]s a, %[1]s b, %[1]s c, %[1]s d) some WHERE seq BETWEEN %[2]d AND %[3]d"+
		" ORDER BY seq) seq", digit, from, to)
}

// fresh drops a database and everything that lies beside it, and makes it anew with the statements.
func fresh(t *testing.T, server *testserver.MySQL, database string, statements ...string) {
	t.Helper()
	for _, suffix := range []string{"", "__dump_incoming", "__dump_previous", "__dump_spare", "__dump_older_1", "__dump_older_2", "__dump_older_3"} {
		must(t, server.Exec("DROP DATABASE IF EXISTS "+quoteName(database+suffix)))
	}
	if len(statements) > 0 {
		must(t, server.Exec(append([]string{"CREATE DATABASE " + quoteName(database), "USE " + quoteName(database)}, statements...)...))
	}
}

// mysqldump gives a database's whole content, in one text that is the same for equal databases.
func mysqldump(t *testing.T, server *testserver.MySQL, database string, options ...string) string {
	t.Helper()
	words := append([]string{"mariadb-dump", "--no-defaults", "-uroot", "-S", server.Socket, "--routines", "--triggers", "--events",
		"--single-transaction", "--hex-blob"}, options...)
	return command(t, append(words, database)...)
}

// content is a dump without what differs between runs and names.
func content(t *testing.T, server *testserver.MySQL, database string) string {
	t.Helper()
	keysStay(t, server)
	text := mysqldump(t, server, database, "--skip-comments")
	// What comes of a dump says which character set a collation has, in MySQL.
	return strings.NewReplacer(quoteName(database), "`DB`", " CHARACTER SET utf8mb4 COLLATE", " COLLATE").Replace(text)
}

// rubbish fails the test where something but the previous database lies beside.
func noRubbish(t *testing.T, server *testserver.MySQL, database string) {
	t.Helper()
	keysStay(t, server)
	rows, err := server.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE ? AND SCHEMA_NAME <> ?",
		database+"\\_\\_dump\\_%", database+"__dump_previous")
	must(t, err)
	rows = slices.DeleteFunc(rows, func(row []string) bool { // older ones are kept
		journal, err := server.Query("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", row[0], journalDone)
		must(t, err)
		return strings.Contains(row[0], "__dump_older_") && len(journal) > 0
	})
	if len(rows) > 0 {
		t.Errorf("left beside: %v", rows)
	}
	rows, err = server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (?, ?)",
		database+"__dump_previous", journalPending, journalSwapped)
	must(t, err)
	if len(rows) > 0 {
		t.Errorf("an open journal: %v", rows)
	}
}

// site is a small database with everything that RENAME TABLE cannot move, and that a swap must carry
// nevertheless; generation tells one from another.
func site(generation string) []string {
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

// oddities are what few databases have.
func oddities(generation string) []string {
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
		"SET NAMES utf8mb4", "SET sql_mode = DEFAULT",
		"CREATE VIEW view_" + generation + " AS SELECT 1 AS one",
	}
}

func TestMySQLPullUndo(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging1", slices.Concat(site("new"), oddities("new"), []string{"CREATE TABLE clash (id int)"})...)
	fresh(t, server, "site1", slices.Concat(site("old"), oddities("old"), []string{"CREATE VIEW clash AS SELECT 1 AS one"})...)
	old, new := content(t, server, "site1"), content(t, server, "staging1")
	dump := mysqldump(t, server, "staging1")
	db, said := open(t, server.URL("site1"))
	if info := db.Info(); info.Engine != "mariadb" || info.Name != "site1" || !info.Exists || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(info.Version) {
		t.Errorf("info is %+v", info)
	}
	if free, known := db.FreeBytes(t.Context()); !known || free <= 0 {
		t.Errorf("free bytes are %d, %v", free, known)
	}

	must(t, pull(t, db, dump))
	if diff := cmp.Diff(new, content(t, server, "site1")); diff != "" {
		t.Errorf("after the pull (-want +got):\n%s", diff)
	}
	sums, err := server.Checksums("site1")
	must(t, err)
	want, err := server.Checksums("staging1")
	must(t, err)
	if diff := cmp.Diff(want, sums); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
	noRubbish(t, server, "site1")

	must(t, db.Undo(t.Context()))
	if diff := cmp.Diff(old, content(t, server, "site1")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	noRubbish(t, server, "site1")

	must(t, db.Undo(t.Context()))
	if diff := cmp.Diff(new, content(t, server, "site1")); diff != "" {
		t.Errorf("after undo of undo (-want +got):\n%s", diff)
	}
	// Everything works in its new place: keys, triggers, sequences.
	must(t, server.Exec("USE site1", "INSERT INTO numbered (v) VALUES (2)", "INSERT INTO numbered_twice (id) VALUES (DEFAULT)", "INSERT INTO numbered_versions (v) VALUES (2)", "DELETE FROM parent WHERE id = 2", "INSERT INTO child (parent) VALUES (1)", "SELECT * FROM a_top, reaching", "CALL note_it()"))
	rows, err := server.Query("SELECT (SELECT COUNT(*) FROM site1.child), (SELECT COUNT(*) FROM site1__dump_previous.child), (SELECT COUNT(*) FROM site1.log WHERE what = 'trigger new')")
	must(t, err)
	if diff := cmp.Diff([][]string{{"2", "3", "1"}}, rows); diff != "" {
		t.Errorf("keys and triggers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"the dump has no history of system-versioned tables, only their rows of now: numbered_versions, versioned"}, said.lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	must(t, pull(t, db, dump)) // a second pull, over a previous one
	if diff := cmp.Diff(new, content(t, server, "site1")); diff != "" {
		t.Errorf("after the second pull (-want +got):\n%s", diff)
	}
	noRubbish(t, server, "site1")
}

// A table of another table's rows has none in the dump.
func TestMySQLMerge(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "apart", "CREATE TABLE a (id INT, KEY (id)) ENGINE=MyISAM", "CREATE TABLE b LIKE a", "INSERT INTO a VALUES (1), (2)", "INSERT INTO b VALUES (3)",
		"CREATE TABLE both_of_them (id INT, KEY (id)) ENGINE=MERGE UNION=(a, b)")
	fresh(t, server, "merged")
	db, _ := open(t, server.URL("merged"))
	must(t, pull(t, db, mysqldump(t, server, "apart")))
	rows, err := server.Query("SELECT COUNT(*) FROM merged.both_of_them")
	must(t, err)
	if rows[0][0] != "3" {
		t.Errorf("%s rows", rows[0][0])
	}
}

func TestMySQLNothingToUndo(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "site2")
	db, _ := open(t, server.URL("site2"))
	if db.Info().Exists {
		t.Error("a database that does not exist does")
	}
	if err := db.Undo(t.Context()); err != ErrNothingToUndo {
		t.Errorf("undo gives %v", err)
	}
	must(t, pull(t, db, "CREATE TABLE `a` (id int);\nINSERT INTO `a` VALUES (1),(2);\n"))
	rows, err := server.Query("SELECT COUNT(*) FROM site2.a")
	must(t, err)
	if rows[0][0] != "2" {
		t.Errorf("rows: %v", rows)
	}
}

// TestMySQLKilledPull pulls with a helper that is killed at every step in turn: afterwards the live database is wholly
// the old one or wholly the new one, and undo works from there.
func TestMySQLKilledPull(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging3", site("new")...)
	dump := filepath.Join(t.TempDir(), "dump.sql")
	must(t, os.WriteFile(dump, []byte(mysqldump(t, server, "staging3")), 0o600))
	new := content(t, server, "staging3")
	fresh(t, server, "older3", site("older")...)
	older := mysqldump(t, server, "older3")
	wentOn := map[string]int{}
	for step := 1; ; step++ {
		fresh(t, server, "site3", site("oldest")...)
		oldest := content(t, server, "site3")
		db, _ := open(t, server.URL("site3"))
		must(t, pullAs(t, db, older, dumpOf("older")))
		old := content(t, server, "site3")
		finished := runChild(t, server.URL("site3"), dump, step)
		unfinished := held(t, db)
		must(t, db.Recover(t.Context()))
		noRubbish(t, server, "site3")
		before, holds, held := oldest, "older", ""
		switch now := content(t, server, "site3"); now {
		case old:
			wentOn["old"]++
		case new:
			wentOn["new"]++
			before, holds, held = old, "dump.sql", "older"
		default:
			t.Fatalf("killed at step %d: neither old nor new: (-old +got)\n%s", step, cmp.Diff(old, now))
		}
		if unfinished.Dump != dumpOf(holds) {
			t.Fatalf("killed at step %d: it holds %s, and says %+v before it is recovered", step, holds, unfinished)
		}
		wantHeld(t, db, holds)
		must(t, db.Undo(t.Context()))
		if diff := cmp.Diff(before, content(t, server, "site3")); diff != "" {
			t.Fatalf("killed at step %d, then undone (-want +got):\n%s", step, diff)
		}
		wantHeld(t, db, held)
		if finished {
			break
		}
	}
	if wentOn["old"] < 3 || wentOn["new"] < 8 {
		t.Errorf("too few steps: %v", wentOn)
	}
}

func TestMySQLKilledLoad(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging13", site("new")...)
	text, new := mysqldump(t, server, "staging13"), content(t, server, "staging13")
	dump := filepath.Join(t.TempDir(), "dump.sql")
	must(t, os.WriteFile(dump, []byte(text), 0o600))
	fresh(t, server, "site13", site("old")...)
	old := content(t, server, "site13")
	if runChild(t, server.URL("site13"), dump, -1) {
		t.Fatal("the child has not been killed")
	}
	db, _ := open(t, server.URL("site13"))
	load, err := db.Begin(t.Context())
	must(t, err)
	must(t, load.Discard())
	wantMySQL(t, server, "site13", old)
	must(t, pull(t, db, text))
	wantMySQL(t, server, "site13", new)
}

func TestMySQLKilledUndo(t *testing.T) {
	server := mariadbServer(t)
	fresh(t, server, "staging4", site("new")...)
	dump, new := mysqldump(t, server, "staging4"), content(t, server, "staging4")
	fresh(t, server, "older4", site("old")...)
	older, old := mysqldump(t, server, "older4"), content(t, server, "older4")
	wentOn := map[string]int{}
	for step := 1; ; step++ {
		fresh(t, server, "site4", site("oldest")...)
		db, _ := open(t, server.URL("site4"))
		must(t, pullAs(t, db, older, dumpOf("old")))
		must(t, pullAs(t, db, dump, dumpOf("new")))
		finished := runChild(t, server.URL("site4"), "", step)
		unfinished := held(t, db)
		must(t, db.Recover(t.Context()))
		noRubbish(t, server, "site4")
		other, holds, held := old, "new", "old"
		switch now := content(t, server, "site4"); now {
		case old:
			wentOn["old"]++
			other, holds, held = new, held, holds
		case new:
			wentOn["new"]++
		default:
			t.Fatalf("killed at step %d: neither old nor new: (-old +got)\n%s", step, cmp.Diff(old, now))
		}
		if unfinished.Dump != dumpOf(holds) {
			t.Fatalf("killed at step %d: it holds %s, and says %+v before it is recovered", step, holds, unfinished)
		}
		wantHeld(t, db, holds)
		must(t, db.Undo(t.Context()))
		wantHeld(t, db, held)
		if diff := cmp.Diff(other, content(t, server, "site4")); diff != "" {
			t.Fatalf("killed at step %d, then undone (-want +got):\n%s", step, diff)
		}
		if finished {
			break
		}
	}
	if wentOn["old"] < 8 || wentOn["new"] < 3 {
		t.Errorf("too few steps: %v", wentOn)
	}
}
