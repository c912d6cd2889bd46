package staging

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
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
	// Its statistics say that it is empty: they are computed later, and the server is stopped before that.
	"CREATE TABLE stale (id INT PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO stale VALUES (1)",
}

type stateCase struct {
	name       string
	statements string
	same       bool // nothing that a dump holds is changed
}

// Whatever a dump holds makes another state when it is changed, and nothing else does. The times of tables are NULL to
// begin with, as after each restart. No case alters or drops a table: that is counted for all databases alike.
var mysqlStateCases = []stateCase{
	{"insert", "INSERT INTO plain VALUES (1000, 1)", false},
	{"update", "UPDATE plain SET v = 7 WHERE id = 1", false},
	{"update by key", "UPDATE node SET v = 'x' WHERE v = '5'", false},
	{"delete", "DELETE FROM plain WHERE id = 3", false},
	{"truncate", "TRUNCATE plain", false},
	{"truncate what statistics call empty", "TRUNCATE stale", false},
	{"truncate a MyISAM table", "TRUNCATE my", false},
	{"truncate partitions", "TRUNCATE parted", false},
	{"insert into an empty table", "SET unique_checks = 0, foreign_key_checks = 0; INSERT INTO empty SELECT seq FROM mysql.seq_1_to_100", false},
	{"cascade", "DELETE FROM parent WHERE id = 1", false},
	{"partition", "DELETE FROM parted WHERE id = 1", false},
	{"MyISAM", "INSERT INTO my VALUES (2)", false},
	{"MyISAM update", "UPDATE my SET id = 9", false},
	{"counter", "BEGIN; INSERT INTO node (v) VALUES ('gone'); ROLLBACK", false},
	{"new table", "CREATE TABLE fresh (id INT)", false},
	{"swapped tables", "RENAME TABLE plain TO x, stale TO plain, x TO stale", false},
	{"index", "CREATE INDEX v ON plain (v)", false},
	{"dropped index", "DROP INDEX v ON node", false},
	{"view", "CREATE VIEW view2 AS SELECT 1", false},
	{"altered view", "CREATE OR REPLACE VIEW view AS SELECT id + 0 AS id FROM plain", false},
	{"dropped view", "DROP VIEW view", false},
	{"trigger", "CREATE TRIGGER t2 AFTER INSERT ON plain FOR EACH ROW SET @a = 1", false},
	{"altered trigger", "CREATE OR REPLACE TRIGGER trig BEFORE INSERT ON old FOR EACH ROW SET NEW.id = 2", false},
	{"dropped trigger", "DROP TRIGGER trig", false},
	{"function", "CREATE OR REPLACE FUNCTION fun() RETURNS INT DETERMINISTIC RETURN 2", false},
	{"parameter", "CREATE OR REPLACE PROCEDURE pro(a BIGINT) SELECT a", false},
	{"dropped routine", "DROP PROCEDURE pro", false},
	{"event", "ALTER EVENT ev COMMENT 'x'", false},
	{"dropped event", "DROP EVENT ev", false},
	{"sequence", "DO NEXTVAL(seq)", false},
	{"character set of the database", "ALTER DATABASE CHARACTER SET latin1", false},
	{"by a prepared transaction", "XA START 'x'; INSERT INTO plain VALUES (2000, 1); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'", false},

	{"nothing", "DO 1", true},
	{"reading", "SELECT COUNT(*) FROM plain; SELECT * FROM node ORDER BY v; SELECT * FROM view; CHECKSUM TABLE my", true},
	{"rows that stay behind", "INSERT INTO cache_page VALUES (2, 2); UPDATE cache_page SET v = 5", true},
	{"truncated cache", "TRUNCATE cache_page", true},
	{"excluded table", "INSERT INTO old VALUES (2)", true},
	{"temporary table", "CREATE TEMPORARY TABLE tmp (id INT) ENGINE=InnoDB; INSERT INTO tmp VALUES (1); DROP TEMPORARY TABLE tmp", true},
	{"statistics", "ANALYZE TABLE plain, stale, empty", true},
	{"flush", "FLUSH TABLES; FLUSH TABLES WITH READ LOCK; UNLOCK TABLES", true},
	{"rolled back", "BEGIN; UPDATE plain SET v = 9; ROLLBACK", true},
	{"privileges", "GRANT SELECT ON old TO root@localhost", true},
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

func stateSource(t *testing.T, url string) *Source {
	t.Helper()
	source, _ := open(t, Config{URL: parseURL(t, url), StructureOnly: []string{"cache_*"}, Exclude: []string{"old"}})
	return source
}

func readState(t *testing.T, source *Source) State {
	t.Helper()
	state, err := source.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// settled reads a state when what was just changed has become a while ago.
func settled(t *testing.T, source *Source) State {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		state := readState(t, source)
		if state.Doubt == "" {
			return state
		}
		if time.Now().After(end) {
			t.Fatalf("in doubt: %s", state.Doubt)
		}
	}
}

func TestMySQLState(t *testing.T) {
	var names []string
	for i := range mysqlStateCases {
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
	sources, before := map[string]*Source{}, map[string]State{}
	for _, name := range names {
		sources[name] = stateSource(t, server.URL(name))
	}

	// A transaction that has written and commits only after the state was read.
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
		before[name] = settled(t, sources[name])
	}
	for i, test := range mysqlStateCases {
		if err := server.Exec(append([]string{"USE " + names[i]}, strings.Split(test.statements, "; ")...)...); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	dumpText(t, sources["dumped"])
	for i, test := range mysqlStateCases {
		after := settled(t, sources[names[i]])
		if after.Same(before[names[i]].String()) != test.same {
			t.Errorf("%s: same is %v", test.name, !test.same)
		}
	}
	if settled(t, sources["late"]).Same(before["late"].String()) {
		t.Error("a late commit: nothing changed")
	}
	if !settled(t, sources["dumped"]).Same(before["dumped"].String()) {
		t.Error("a dump: changed")
	}

	t.Run("other rules", func(t *testing.T) {
		for _, config := range []Config{{}, {StructureOnly: []string{"cache_*"}}, {StructureOnly: []string{"cache_*"}, Exclude: []string{"old"}, Client: true}} {
			config.URL = parseURL(t, server.URL("dumped"))
			source, _ := open(t, config)
			if settled(t, source).Same(before["dumped"].String()) {
				t.Errorf("%+v: the same", config)
			}
		}
	})
	t.Run("just changed", func(t *testing.T) {
		if err := server.Exec("UPDATE dumped.plain SET v = 1000"); err != nil {
			t.Fatal(err)
		}
		state := readState(t, sources["dumped"])
		expect(t, state.Doubt, "something was changed in the same moment")
		if err := server.Exec("UPDATE dumped.plain SET v = 1001"); err != nil {
			t.Fatal(err)
		}
		if settled(t, sources["dumped"]).Same(state.String()) {
			t.Error("the second change in a second: the same")
		}
	})
	t.Run("altered", func(t *testing.T) {
		for _, statement := range []string{
			"ALTER TABLE plain ALTER v SET DEFAULT 3", "ALTER TABLE plain COMMENT 'x'", "ALTER TABLE parted TRUNCATE PARTITION p0", "DROP TABLE plain",
		} {
			before := settled(t, sources["altered"])
			if err := server.Exec("USE altered", statement); err != nil {
				t.Fatal(err)
			}
			if settled(t, sources["altered"]).Same(before.String()) {
				t.Errorf("%s: the same", statement)
			}
		}
	})
	t.Run("Aria", func(t *testing.T) {
		if err := server.Exec("CREATE TABLE aria.loose (id INT) ENGINE=Aria"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		state := readState(t, sources["aria"])
		expect(t, state.Doubt, "which are neither InnoDB nor MyISAM: loose")
		if state.String() != "" {
			t.Errorf("state %q", state)
		}
	})
	t.Run("privileges", func(t *testing.T) {
		if err := server.Exec("CREATE USER reader@'%' IDENTIFIED BY 'x'", "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON still.* TO reader@'%'", "GRANT SELECT ON mysql.proc TO reader@'%'"); err != nil {
			t.Fatal(err)
		}
		source := stateSource(t, server.URLAs("reader", "x", "still"))
		state := readState(t, source)
		expect(t, state.Doubt, "takes the privilege PROCESS (GRANT PROCESS ON *.* TO 'reader'@'%')")
		expectStandsStill(t, source)
		if err := server.Exec("GRANT PROCESS ON *.* TO reader@'%'"); err != nil {
			t.Fatal(err)
		}
		settled(t, source)
	})
	// What a smaller cache forgets.
	t.Run("forgotten", func(t *testing.T) {
		if err := server.Exec("SET GLOBAL table_definition_cache = 400", "FLUSH TABLES"); err != nil {
			t.Fatal(err)
		}
		state := readState(t, sources["still"])
		expect(t, state.Doubt, "InnoDB tables and forgets when they were changed, unless table_definition_cache, which is 400, is ")
		expectStandsStill(t, sources["still"])
	})
	for name, stop := range map[string]func(){"restart": server.Stop, "kill": server.Kill} {
		t.Run(name, func(t *testing.T) {
			if err := server.Exec("SET GLOBAL table_definition_cache = 4000"); err != nil {
				t.Fatal(err)
			}
			before := settled(t, sources["late"])
			stop()
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			if settled(t, sources["late"]).Same(before.String()) {
				t.Error("the same")
			}
		})
	}
}

// expectStandsStill checks that a state in doubt is the same while nobody writes. The server may have something to finish
// first.
func expectStandsStill(t *testing.T, source *Source) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		before := readState(t, source)
		time.Sleep(300 * time.Millisecond)
		if readState(t, source).Same(before.String()) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the server's position does not stand still")
		}
	}
}

func TestCommandState(t *testing.T) {
	source, _ := open(t, Config{Command: "true"})
	state := readState(t, source)
	expect(t, state.Doubt, "a command")
	if state.String() != "" || state.Same("") || state.Same(".") {
		t.Errorf("state %q", state)
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
	benchmarkState(b, server.URL("site"))
}

func benchmarkState(b *testing.B, url string) {
	ctx := context.Background()
	parsed, err := dburl.Parse(url)
	if err != nil {
		b.Fatal(err)
	}
	source, err := openSource(ctx, Config{URL: &parsed})
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	time.Sleep(3 * time.Second)
	for b.Loop() {
		state, err := source.State(ctx)
		if err != nil || state.Doubt != "" {
			b.Fatal(err, state.Doubt)
		}
	}
}
