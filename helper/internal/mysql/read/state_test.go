package read

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// stateSite is made once for each case.
var stateSite = []string{
	"CREATE TABLE node (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(100), KEY (v)) ENGINE=InnoDB",
	"INSERT INTO node (v) SELECT seq FROM mysql.seq_1_to_500",
	"CREATE TABLE plain (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
	"INSERT INTO plain SELECT seq, seq FROM mysql.seq_1_to_500",
	"CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB",
	"CREATE TABLE child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES parent (id) ON DELETE CASCADE) ENGINE=InnoDB",
	"INSERT INTO parent VALUES (1), (2)", "INSERT INTO child VALUES (1), (2)",
	"CREATE TABLE parted (id INT PRIMARY KEY) ENGINE=InnoDB PARTITION BY HASH (id) PARTITIONS 2",
	"INSERT INTO parted VALUES (1), (2)",
	"CREATE TABLE my (id INT) ENGINE=MyISAM", "INSERT INTO my VALUES (1)",
	"CREATE TABLE cache_page (id INT PRIMARY KEY, v INT) ENGINE=InnoDB", "INSERT INTO cache_page VALUES (1, 1)",
	"CREATE TABLE old (id INT) ENGINE=InnoDB", "INSERT INTO old VALUES (1)",
	"CREATE TABLE empty (id INT PRIMARY KEY) ENGINE=InnoDB",
	"CREATE SEQUENCE seq",
	"CREATE VIEW view AS SELECT id FROM plain",
	"CREATE FUNCTION fun() RETURNS INT DETERMINISTIC RETURN 1",
	"CREATE PROCEDURE pro(a INT) SELECT a",
	"CREATE TRIGGER trig BEFORE INSERT ON old FOR EACH ROW SET NEW.id = 1",
	"CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM old",
	// Its statistics still say that it is empty: the server is stopped before it computes them.
	"CREATE TABLE stale (id INT PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO stale VALUES (1)",
}

// A change to anything that a dump contains makes another state, and nothing else does. The times of tables are NULL at
// first, as after each restart. No case alters or drops a table, because the server counts that for all databases
// together.
var stateCases = []sourcetest.StateCase{
	{Name: "insert", Statements: "INSERT INTO plain VALUES (1000, 1)", Same: false},
	{Name: "update", Statements: "UPDATE plain SET v = 7 WHERE id = 1", Same: false},
	{Name: "update by key", Statements: "UPDATE node SET v = 'x' WHERE v = '5'", Same: false},
	{Name: "delete", Statements: "DELETE FROM plain WHERE id = 3", Same: false},
	{Name: "truncate", Statements: "TRUNCATE plain", Same: false},
	{Name: "truncate what statistics call empty", Statements: "TRUNCATE stale", Same: false},
	{Name: "truncate a MyISAM table", Statements: "TRUNCATE my", Same: false},
	{Name: "truncate partitions", Statements: "TRUNCATE parted", Same: false},
	{Name: "insert into an empty table", Statements: "SET unique_checks = 0, foreign_key_checks = 0; INSERT INTO empty SELECT seq FROM mysql.seq_1_to_100", Same: false},
	{Name: "cascade", Statements: "DELETE FROM parent WHERE id = 1", Same: false},
	{Name: "partition", Statements: "DELETE FROM parted WHERE id = 1", Same: false},
	{Name: "MyISAM", Statements: "INSERT INTO my VALUES (2)", Same: false},
	{Name: "MyISAM update", Statements: "UPDATE my SET id = 9", Same: false},
	{Name: "counter", Statements: "BEGIN; INSERT INTO node (v) VALUES ('gone'); ROLLBACK", Same: false},
	{Name: "new table", Statements: "CREATE TABLE fresh (id INT)", Same: false},
	{Name: "swapped tables", Statements: "RENAME TABLE plain TO x, stale TO plain, x TO stale", Same: false},
	{Name: "index", Statements: "CREATE INDEX v ON plain (v)", Same: false},
	{Name: "dropped index", Statements: "DROP INDEX v ON node", Same: false},
	{Name: "view", Statements: "CREATE VIEW view2 AS SELECT 1", Same: false},
	{Name: "altered view", Statements: "CREATE OR REPLACE VIEW view AS SELECT id + 0 AS id FROM plain", Same: false},
	{Name: "dropped view", Statements: "DROP VIEW view", Same: false},
	{Name: "trigger", Statements: "CREATE TRIGGER t2 AFTER INSERT ON plain FOR EACH ROW SET @a = 1", Same: false},
	{Name: "altered trigger", Statements: "CREATE OR REPLACE TRIGGER trig BEFORE INSERT ON old FOR EACH ROW SET NEW.id = 2", Same: false},
	{Name: "dropped trigger", Statements: "DROP TRIGGER trig", Same: false},
	{Name: "function", Statements: "CREATE OR REPLACE FUNCTION fun() RETURNS INT DETERMINISTIC RETURN 2", Same: false},
	{Name: "parameter", Statements: "CREATE OR REPLACE PROCEDURE pro(a BIGINT) SELECT a", Same: false},
	{Name: "dropped routine", Statements: "DROP PROCEDURE pro", Same: false},
	{Name: "event", Statements: "ALTER EVENT ev COMMENT 'x'", Same: false},
	{Name: "dropped event", Statements: "DROP EVENT ev", Same: false},
	{Name: "sequence", Statements: "DO NEXTVAL(seq)", Same: false},
	{Name: "character set of the database", Statements: "ALTER DATABASE CHARACTER SET latin1", Same: false},
	{Name: "by a prepared transaction", Statements: "XA START 'x'; INSERT INTO plain VALUES (2000, 1); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'", Same: false},

	{Name: "nothing", Statements: "DO 1", Same: true},
	{Name: "reading", Statements: "SELECT COUNT(*) FROM plain; SELECT * FROM node ORDER BY v; SELECT * FROM view; CHECKSUM TABLE my", Same: true},
	{Name: "rows that stay behind", Statements: "INSERT INTO cache_page VALUES (2, 2); UPDATE cache_page SET v = 5", Same: true},
	{Name: "truncated cache", Statements: "TRUNCATE cache_page", Same: true},
	{Name: "excluded table", Statements: "INSERT INTO old VALUES (2)", Same: true},
	{Name: "temporary table", Statements: "CREATE TEMPORARY TABLE tmp (id INT) ENGINE=InnoDB; INSERT INTO tmp VALUES (1); DROP TEMPORARY TABLE tmp", Same: true},
	{Name: "statistics", Statements: "ANALYZE TABLE plain, stale, empty", Same: true},
	{Name: "flush", Statements: "FLUSH TABLES; FLUSH TABLES WITH READ LOCK; UNLOCK TABLES", Same: true},
	{Name: "rolled back", Statements: "BEGIN; UPDATE plain SET v = 9; ROLLBACK", Same: true},
	{Name: "privileges", Statements: "GRANT SELECT ON old TO root@localhost", Same: true},
}

// stateMariaDB starts a server of its own with a database for each name.
func stateMariaDB(t *testing.T, databases []string, options ...string) *testserver.MySQL {
	t.Helper()
	server, err := testserver.MariaDB(t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	for _, name := range databases {
		if err := server.Exec(append([]string{"CREATE DATABASE " + name, "USE " + name}, stateSite...)...); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// Two transactions begin in the same second. The time of the table that both change is that second, whichever of them commits last.
func TestMySQLStateOfOneSecond(t *testing.T) {
	server := stateMariaDB(t, []string{"site"}, "--table-definition-cache=4000")
	from := sourcetest.StateSource(t, server.URL("site"))
	sourcetest.Settled(t, from)
	for try := range 5 {
		begun := func() *sql.Tx {
			db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/site", server.Port))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			return tx
		}
		late, early := begun(), begun()
		for id, tx := range map[int]*sql.Tx{1: late, 2: early} {
			if _, err := tx.ExecContext(t.Context(), "UPDATE plain SET v = v + 1 WHERE id = ?", id); err != nil {
				t.Fatal(err)
			}
		}
		if err := early.Commit(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3100 * time.Millisecond)
		changed, err := server.Query("SELECT UPDATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site' AND TABLE_NAME = 'plain'")
		if err != nil {
			t.Fatal(err)
		}
		before := sourcetest.ReadState(t, from)
		states, err := from.TableStates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := late.Commit(); err != nil {
			t.Fatal(err)
		}
		after, err := server.Query("SELECT UPDATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site' AND TABLE_NAME = 'plain'")
		if err != nil {
			t.Fatal(err)
		}
		if changed[0][0] != after[0][0] {
			t.Logf("try %d: another second", try)
			continue
		}
		if want := "a transaction is open that began before the last change"; before.Doubt != want || before.Contents != "" {
			t.Errorf("in doubt: %q, with contents: %q", before.Doubt, before.Contents)
		}
		if states["plain"] != "" || states["node"] == "" {
			t.Errorf("states of tables: %v", states)
		}
		return
	}
	t.Fatal("no two transactions began in one second")
}

func TestMySQLState(t *testing.T) {
	var names []string
	for i := range stateCases {
		names = append(names, fmt.Sprintf("site%d", i))
	}
	names = append(names, "late", "dumped", "altered", "aria", "still")
	server := stateMariaDB(t, names, "--table-definition-cache=4000")
	if err := server.Exec("DROP TABLE still.my"); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	sources, before := map[string]*source.Source{}, map[string]source.State{}
	for _, name := range names {
		sources[name] = sourcetest.StateSource(t, server.URL(name))
	}

	// This transaction has written, and commits only after the state was read.
	late, err := sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/late", server.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	tx, err := late.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE plain SET v = 99"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)

	for _, name := range names {
		before[name] = sourcetest.Settled(t, sources[name])
	}
	for i, test := range stateCases {
		if err := server.Exec(append([]string{"USE " + names[i]}, strings.Split(test.Statements, "; ")...)...); err != nil {
			t.Fatalf("%s: %v", test.Name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	sourcetest.DumpText(t, sources["dumped"])
	for i, test := range stateCases {
		after := sourcetest.Settled(t, sources[names[i]])
		if after.Same(before[names[i]].String()) != test.Same {
			t.Errorf("%s: same is %v", test.Name, !test.Same)
		}
	}
	if sourcetest.Settled(t, sources["late"]).Same(before["late"].String()) {
		t.Error("a late commit: nothing changed")
	}
	if !sourcetest.Settled(t, sources["dumped"]).Same(before["dumped"].String()) {
		t.Error("a dump: changed")
	}

	t.Run("other rules", func(t *testing.T) {
		for _, config := range []source.Config{{}, {StructureOnly: []string{"cache_*"}}, {StructureOnly: []string{"cache_*"}, Exclude: []string{"old"}, Client: true}} {
			config.URL = sourcetest.ParseURL(t, server.URL("dumped"))
			source, _ := sourcetest.Open(t, config)
			if sourcetest.Settled(t, source).Same(before["dumped"].String()) {
				t.Errorf("%+v: the same", config)
			}
		}
	})
	t.Run("just changed", func(t *testing.T) {
		if err := server.Exec("UPDATE dumped.plain SET v = 1000"); err != nil {
			t.Fatal(err)
		}
		state := sourcetest.ReadState(t, sources["dumped"])
		sourcetest.Expect(t, state.Doubt, "something was changed in the same moment")
		if err := server.Exec("UPDATE dumped.plain SET v = 1001"); err != nil {
			t.Fatal(err)
		}
		if sourcetest.Settled(t, sources["dumped"]).Same(state.String()) {
			t.Error("the second change in a second: the same")
		}
	})
	t.Run("altered", func(t *testing.T) {
		for _, statement := range []string{
			"ALTER TABLE plain ALTER v SET DEFAULT 3", "ALTER TABLE plain COMMENT 'x'", "ALTER TABLE parted TRUNCATE PARTITION p0", "DROP TABLE plain",
		} {
			before := sourcetest.Settled(t, sources["altered"])
			if err := server.Exec("USE altered", statement); err != nil {
				t.Fatal(err)
			}
			if sourcetest.Settled(t, sources["altered"]).Same(before.String()) {
				t.Errorf("%s: the same", statement)
			}
		}
	})
	t.Run("Aria", func(t *testing.T) {
		if err := server.Exec("CREATE TABLE aria.loose (id INT) ENGINE=Aria"); err != nil {
			t.Fatal(err)
		}
		state := sourcetest.ReadState(t, sources["aria"])
		for deadline := time.Now().Add(time.Minute); !strings.Contains(state.Doubt, "loose") && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			state = sourcetest.ReadState(t, sources["aria"]) // at first the table has just been changed
		}
		sourcetest.Expect(t, state.Doubt, "which are neither InnoDB nor MyISAM: loose")
		if state.String() != "" {
			t.Errorf("state %q", state)
		}
	})
	t.Run("privileges", func(t *testing.T) {
		if err := server.Exec("CREATE USER reader@'%' IDENTIFIED BY 'x'", "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON still.* TO reader@'%'", "GRANT SELECT ON mysql.proc TO reader@'%'"); err != nil {
			t.Fatal(err)
		}
		source := sourcetest.StateSource(t, server.URLAs("reader", "x", "still"))
		state := sourcetest.ReadState(t, source)
		sourcetest.Expect(t, state.Doubt, "takes the privilege PROCESS (GRANT PROCESS ON *.* TO 'reader'@'%')")
		expectStandsStill(t, source)
		if err := server.Exec("GRANT PROCESS ON *.* TO reader@'%'"); err != nil {
			t.Fatal(err)
		}
		sourcetest.Settled(t, source)
	})
	// A smaller cache forgets tables.
	t.Run("forgotten", func(t *testing.T) {
		if err := server.Exec("SET GLOBAL table_definition_cache = 400", "FLUSH TABLES"); err != nil {
			t.Fatal(err)
		}
		state := sourcetest.ReadState(t, sources["still"])
		sourcetest.Expect(t, state.Doubt, "InnoDB tables and forgets when they were changed, unless table_definition_cache, which is 400, is ")
		expectStandsStill(t, sources["still"])
	})
	for name, stop := range map[string]func(){"restart": server.Stop, "kill": server.Kill} {
		t.Run(name, func(t *testing.T) {
			if err := server.Exec("SET GLOBAL table_definition_cache = 4000"); err != nil {
				t.Fatal(err)
			}
			before := sourcetest.Settled(t, sources["late"])
			stop()
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			if sourcetest.Settled(t, sources["late"]).Same(before.String()) {
				t.Error("the same")
			}
		})
	}
}

// expectStandsStill checks that a state in doubt stays the same while nobody writes. First the server may have work to
// finish.
func expectStandsStill(t *testing.T, source *source.Source) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		before := sourcetest.ReadState(t, source)
		time.Sleep(300 * time.Millisecond)
		if sourcetest.ReadState(t, source).Same(before.String()) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the server's position does not stand still")
		}
	}
}

// TestStateIgnoresWhenEventsRan waits until an event has run, which changes nothing that a dump contains.
func TestStateIgnoresWhenEventsRan(t *testing.T) {
	server := sourcetest.MariaDB(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(server.Exec("CREATE OR REPLACE DATABASE timed", "SET GLOBAL event_scheduler = OFF", "CREATE EVENT timed.tick ON SCHEDULE EVERY 1 SECOND DO SET @x = 1"))
	t.Cleanup(func() { must(server.Exec("SET GLOBAL event_scheduler = OFF", "DROP DATABASE timed")) })
	pool, err := sql.Open("mysql", "root@unix("+server.Socket+")/timed")
	must(err)
	defer pool.Close()
	conn, err := pool.Conn(t.Context())
	must(err)
	defer conn.Close()
	events := func() string {
		t.Helper()
		rows, err := (&serverState{conn: conn}).query(t.Context(), "SELECT * FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()")
		must(err)
		return fmt.Sprint(rows)
	}
	before := events()
	must(server.Exec("SET GLOBAL event_scheduler = ON"))
	for end, ran := time.Now().Add(time.Minute), false; !ran; time.Sleep(50 * time.Millisecond) {
		must(conn.QueryRowContext(t.Context(), "SELECT LAST_EXECUTED IS NOT NULL FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()").Scan(&ran))
		if time.Now().After(end) {
			t.Fatal("the event does not run")
		}
	}
	if after := events(); !strings.Contains(before, "tick") || after != before {
		t.Errorf("the event has changed from %s to %s", before, after)
	}
}

// A state costs milliseconds.
func BenchmarkMySQLState(b *testing.B) {
	server, err := testserver.MariaDB(b.TempDir(), "--table-definition-cache=4000")
	if err != nil {
		b.Fatal(err)
	}
	defer server.Kill()
	statements := []string{"CREATE DATABASE site", "USE site"}
	for i := range 200 {
		statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, v INT, KEY (v)) ENGINE=InnoDB", i),
			fmt.Sprintf("INSERT INTO t%d VALUES (1, 1)", i))
	}
	if err := server.Exec(statements...); err != nil {
		b.Fatal(err)
	}
	sourcetest.BenchmarkState(b, server.URL("site"))
}
