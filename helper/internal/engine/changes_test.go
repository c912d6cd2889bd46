package engine

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	postgresswap "github.com/jobiqo/dump-refresh/helper/internal/postgres/swap"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// change is what somebody does to a database that was pulled, and what of it is told: names with commas, "" for nothing.
type change struct{ statement, want string }

// watched is a dump of a site with what can be changed of it.
var watched = strings.Join([]string{
	"CREATE TABLE parent (id int PRIMARY KEY, name varchar(200))",
	"CREATE TABLE child (id int PRIMARY KEY AUTO_INCREMENT, parent int, CONSTRAINT fk_child FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
	"CREATE TABLE log (id int PRIMARY KEY AUTO_INCREMENT, what varchar(200)) ENGINE=MyISAM",
	"CREATE TABLE node (id int PRIMARY KEY AUTO_INCREMENT, title varchar(50), weight int DEFAULT 0, score float, body longtext)",
	"CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3",
	"CREATE TABLE cache_page (cid int PRIMARY KEY, data text)",
	"CREATE TABLE blank (id int)",
	"INSERT INTO parent VALUES (1, 'one'), (2, 'two')",
	"INSERT INTO child (parent) VALUES (1), (2), (2)",
	"INSERT INTO log (what) VALUES ('it')",
	"INSERT INTO node (title, weight, score, body) VALUES ('one', 1, 0.1, 'a'), ('two', 2, 0.2, NULL), ('three', 3, 0.3, '')",
	"INSERT INTO parted VALUES (1), (2), (3)",
	"INSERT INTO cache_page VALUES (1, 'x')",
	"CREATE VIEW same AS SELECT id FROM child",
	"CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2",
	"CREATE TRIGGER child_added AFTER INSERT ON child FOR EACH ROW INSERT INTO log (what) VALUES ('trigger')",
	"CREATE EVENT tidy ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO DELETE FROM log WHERE id < 0",
	"",
}, ";\n")

func changesOfMySQL() []change {
	return []change{
		// What visitors do.
		{"INSERT INTO cache_page VALUES (2, 'y')", ""}, {"UPDATE cache_page SET data = 'z'", ""}, {"TRUNCATE cache_page", ""},
		{"CREATE TABLE cache_render (cid int)", ""}, {"INSERT INTO cache_render VALUES (1)", ""}, {"DROP TABLE cache_page", ""},
		// What changes nothing.
		{"UPDATE node SET weight = weight", ""}, {"ANALYZE TABLE node", ""}, {"OPTIMIZE TABLE node", ""}, {"FLUSH TABLES", ""},
		{"ALTER TABLE node AUTO_INCREMENT = 1000", ""}, {"INSERT INTO blank SELECT 1 WHERE 1 = 0", ""}, {"TRUNCATE blank", ""},
		// What does.
		{"INSERT INTO blank VALUES (1)", "blank"}, {"TRUNCATE blank", ""},
		{"INSERT INTO node (title) VALUES ('four')", "node"}, {"DELETE FROM node WHERE title = 'four'", ""},
		{"UPDATE node SET title = 'One' WHERE id = 1", "node"}, {"UPDATE node SET title = 'one' WHERE id = 1", ""},
		{"UPDATE node SET body = NULL WHERE id = 3", "node"}, {"UPDATE node SET body = '' WHERE id = 3", ""},
		{"UPDATE node SET score = 0.30000001 WHERE id = 3", ""}, {"UPDATE node SET score = 0.3001 WHERE id = 3", "node"}, {"UPDATE node SET score = 0.3 WHERE id = 3", ""},
		{"UPDATE node SET weight = 3 - weight WHERE id < 3", "node"}, {"UPDATE node SET weight = id", ""},
		{"INSERT INTO log (what) VALUES ('mine')", "log"}, {"DELETE FROM log WHERE what = 'mine'", ""},
		{"TRUNCATE log", "log"}, {"INSERT INTO log (id, what) VALUES (1, 'it')", ""}, {"UPDATE log SET what = 'mine'", "log"}, {"UPDATE log SET what = 'it'", ""},
		{"SELECT COUNT(*) FROM node", ""}, {"CHECK TABLE node", ""}, {"ALTER TABLE node ENGINE=InnoDB", ""}, {"ALTER TABLE node COMMENT 'mine'", "node"}, {"ALTER TABLE node COMMENT ''", ""},
		{"ALTER TABLE log ENGINE=InnoDB", "log"}, {"ALTER TABLE log ENGINE=MyISAM", ""},
		{"CREATE EVENT mine ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO SELECT 1", "event mine"}, {"DROP EVENT mine", ""},
		{"ALTER TABLE node ADD extra int", "node"}, {"ALTER TABLE node DROP extra", ""},
		{"ALTER TABLE node ADD KEY by_title (title)", "node"}, {"ALTER TABLE node DROP KEY by_title", ""},
		{"ALTER TABLE cache_render ADD extra int", ""}, {"CREATE TABLE mine (id int)", "mine"}, {"DROP TABLE mine", ""},
		{"RENAME TABLE blank TO other", "blank,other"}, {"RENAME TABLE other TO blank", ""},
		{"CREATE VIEW new AS SELECT 1 AS one", "view new"}, {"DROP VIEW new", ""},
		{"CREATE TRIGGER mine BEFORE UPDATE ON node FOR EACH ROW SET @x = 2", "trigger mine"}, {"DROP TRIGGER mine", ""},
		{"CREATE PROCEDURE mine() SELECT 1", "procedure mine"}, {"DROP PROCEDURE mine", ""},
		{"DELETE FROM parted WHERE id = 2", "parted"}, {"INSERT INTO parted VALUES (2)", ""}, {"DELETE FROM parent WHERE id = 1", "child,parent"},
		{"INSERT INTO parent VALUES (1, 'one')", "child"}, {"DROP TABLE blank", "blank,child"},
		{"ALTER EVENT tidy DISABLE", "blank,child,event tidy"}, {"CREATE OR REPLACE VIEW same AS SELECT id + 1 AS id FROM child", "blank,child,event tidy,view same"},
		{"DROP VIEW same", "blank,child,event tidy,view same"},
	}
}

func testMySQLChanges(t *testing.T, server *testserver.MySQL) {
	targettest.Fresh(t, server, "site50")
	db := targettest.OpenWatched(t, server.URL("site50"))
	if got, err := db.Changes(t.Context()); err != nil || !got.Unknown {
		t.Errorf("an empty database: %+v, %v", got, err)
	}
	targettest.Must(t, targettest.PullAs(t, db, watched, targettest.DumpOf("dump")))
	targettest.WantChanges(t, db, "just pulled", "")
	targettest.WantContents(t, db, "dump")
	for _, c := range changesOfMySQL() {
		targettest.Must(t, server.Exec("USE site50", c.statement))
		targettest.WantChanges(t, db, c.statement, c.want)
	}
	// Undo and back: what was changed meanwhile is still known for it.
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantChanges(t, db, "undo and back", "blank,child,event tidy,view same")
	if got := targettest.ReadContents(t, db); got.Dump != targettest.DumpOf("dump") || got.Choice != target.Undone || got.Token != "token" {
		t.Errorf("undo and back: %+v", got)
	}
	// From now on only what is changed from now on.
	targettest.Must(t, db.Mark(t.Context(), target.Release))
	targettest.WantChanges(t, db, "released", "")
	if got := targettest.ReadContents(t, db); got.Dump != targettest.DumpOf("dump") || got.Choice != target.Unrequested {
		t.Errorf("released: %+v", got)
	}
	targettest.Must(t, server.Exec("USE site50", "INSERT INTO node (title) VALUES ('five')"))
	targettest.WantChanges(t, db, "changed after it was released", "node")
	targettest.Must(t, db.Mark(t.Context(), target.Hold))
	if got := targettest.ReadContents(t, db); !got.Hold || got.Dump != targettest.DumpOf("dump") {
		t.Errorf("held: %+v", got)
	}
}

func TestMariaDBChanges(t *testing.T) { testMySQLChanges(t, targettest.MariadbServer(t)) }

func TestMySQLChanges(t *testing.T) {
	server, err := targettest.Mysqld()
	targettest.Must(t, err)
	testMySQLChanges(t, server)
}

// TestMySQLChangesSurvive changes a database just before its server ends, well or not.
func TestMySQLChangesSurvive(t *testing.T) {
	for name, start := range map[string]func(string, ...string) (*testserver.MySQL, error){"mariadb": testserver.MariaDB, "mysql": testserver.Mysqld} {
		t.Run(name, func(t *testing.T) {
			server, err := start(t.TempDir())
			targettest.Must(t, err)
			defer server.Stop()
			db := targettest.OpenWatched(t, server.URL("site"))
			targettest.Must(t, targettest.PullAs(t, db, watched, targettest.DumpOf("dump")))
			restart := func() {
				t.Helper()
				server.Stop()
				targettest.Must(t, server.Restart())
			}
			crash := func() {
				t.Helper()
				server.Kill()
				targettest.Must(t, server.Restart())
			}
			restart()
			targettest.WantChanges(t, db, "restarted", "")
			crash()
			targettest.WantChanges(t, db, "crashed", "")
			targettest.Must(t, server.Exec("USE site", "UPDATE node SET weight = 7 WHERE id = 1", "INSERT INTO cache_page VALUES (9, '')"))
			crash()
			targettest.WantChanges(t, db, "changed and crashed", "node")
			targettest.Must(t, server.Exec("USE site", "UPDATE node SET weight = 1 WHERE id = 1", "INSERT INTO log (what) VALUES ('mine')"))
			restart()
			targettest.WantChanges(t, db, "changed and restarted", "log")
		})
	}
}

// TestMySQLMarkWithoutPull holds and releases what came by no pull.
func TestMySQLMarkWithoutPull(t *testing.T) {
	server := targettest.MariadbServer(t)
	targettest.Fresh(t, server, "site51", "SELECT 1")
	db := targettest.OpenWatched(t, server.URL("site51"))
	if err := db.Mark(t.Context(), target.Hold); !errors.Is(err, target.ErrNothingToMark) {
		t.Errorf("an empty database: %v", err)
	}
	targettest.Must(t, server.Exec("USE site51", "CREATE TABLE t (id int)"))
	targettest.Must(t, db.Mark(t.Context(), target.Hold))
	if got := targettest.ReadContents(t, db); !got.Hold || got.Token != "" {
		t.Errorf("held: %+v", got)
	}
	if err := db.Undo(t.Context()); err == nil {
		t.Error("there is something to undo")
	}
	targettest.Must(t, db.Mark(t.Context(), target.Release))
	if got := targettest.ReadContents(t, db); got.Hold || got.Token != "token" {
		t.Errorf("released: %+v", got)
	}
	targettest.WantChanges(t, db, "released", "")
	targettest.Must(t, server.Exec("USE site51", "INSERT INTO t VALUES (1)"))
	targettest.WantChanges(t, db, "changed", "t")
	targettest.Must(t, targettest.PullAs(t, db, "CREATE TABLE t (id int);\n", targettest.DumpOf("dump")))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantChanges(t, db, "brought back", "t")
	if got, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'site51__dump_previous' AND TABLE_NAME = '" + session.JournalMarked + "'"); err != nil || len(got) > 0 {
		t.Errorf("left is %v, %v", got, err)
	}
}

func changesOfPostgres() []change {
	return []change{
		{"INSERT INTO cache_page VALUES (2, 'y')", ""}, {"UPDATE cache_page SET data = 'z'", ""}, {"TRUNCATE cache_page", ""},
		{"CREATE TABLE cache_render (cid int)", ""}, {"INSERT INTO cache_render VALUES (1)", ""}, {"DROP TABLE cache_page", ""},
		{"VACUUM FREEZE", ""}, {"VACUUM FULL", ""}, {"ANALYZE", ""}, {"CHECKPOINT", ""}, {"SELECT nextval('parent_id_seq')", ""}, {"SELECT * FROM node FOR UPDATE", ""},
		{"REFRESH MATERIALIZED VIEW counted", ""}, {"TRUNCATE blank", ""}, {"CREATE TEMP TABLE mine (id int)", ""}, {"REINDEX TABLE parent", ""},
		{"INSERT INTO blank VALUES (1)", "public.blank"}, {"TRUNCATE blank", ""},
		{"BEGIN; SAVEPOINT a; INSERT INTO node (title) VALUES ('four'); ROLLBACK TO a; COMMIT", ""},
		{"BEGIN; SAVEPOINT a; INSERT INTO node (title) VALUES ('four'); RELEASE a; COMMIT", "public.node"},
		{"DELETE FROM node WHERE title = 'four' ;; VACUUM FULL node", ""},
		{"ALTER TABLE node ADD extra int", "public.node"},
		{"CREATE TABLE mine (id int)", "public.mine,public.node"}, {"DROP TABLE mine", "public.node"},
		{"CREATE OR REPLACE VIEW tops AS SELECT name, 'x' AS generation FROM parent", "public.node,view public.tops"},
		{"CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS $x$ SELECT n * 3; $x$", "function public.twice(integer),public.node,view public.tops"},
		{"ALTER TYPE mood ADD VALUE 'mad'", "function public.twice(integer),public.node,type public.mood,view public.tops"},
	}
}

func TestPostgresChanges(t *testing.T) {
	server := targettest.PostgresServer(t)
	staging := append(targettest.SitePG("watched"), "CREATE TABLE node (id serial PRIMARY KEY, title text)", "INSERT INTO node (title) VALUES ('one'), ('two'), ('three')",
		"CREATE TABLE cache_page (cid int PRIMARY KEY, data text)", "INSERT INTO cache_page VALUES (1, 'x')", "CREATE TABLE blank (id int)")
	targettest.FreshPG(t, server, "staging50", staging...)
	targettest.FreshPG(t, server, "site50")
	dump := targettest.PgDump(t, server, "staging50")
	db := targettest.OpenWatched(t, server.URL("site50"))
	if got, err := db.Changes(t.Context()); err != nil || !got.Unknown {
		t.Errorf("an empty database: %+v, %v", got, err)
	}
	targettest.Must(t, targettest.PullAs(t, db, dump, targettest.DumpOf("dump")))
	targettest.WantChanges(t, db, "just pulled", "")
	for _, c := range changesOfPostgres() {
		targettest.Must(t, server.Exec("site50", strings.Split(c.statement, " ;; ")...))
		targettest.WantChanges(t, db, c.statement, c.want)
	}
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantChanges(t, db, "undo and back", "function public.twice(integer),public.node,type public.mood,view public.tops")
	if got := targettest.ReadContents(t, db); got.Dump != targettest.DumpOf("dump") || got.Choice != target.Undone || got.Token != "token" {
		t.Errorf("undo and back: %+v", got)
	}
	targettest.Must(t, db.Mark(t.Context(), target.Release))
	targettest.WantChanges(t, db, "released", "")

	// One change for each new pull.
	for _, c := range []change{
		{"UPDATE node SET title = 'One' WHERE id = 1", "public.node"}, {"UPDATE node SET title = title WHERE id = 1 ;; VACUUM FULL node", "public.node"},
		{"DELETE FROM node WHERE id = 1", "public.node"}, {"DELETE FROM node WHERE id = 1; INSERT INTO node VALUES (1, 'one')", "public.node"},
		{"TRUNCATE node", "public.node"}, {"DROP TABLE node", "public.node,sequence public.node_id_seq"},
		{"DELETE FROM other.child", "other.child"}, {"UPDATE parted SET v = 'x' WHERE id = 1", "public.parted_1"}, {"DELETE FROM ONLY derived", "public.derived"},
		{"CREATE INDEX mine ON node (title)", "public.node"}, {"ALTER TABLE parent DISABLE TRIGGER touch", "public.parent"}, {"COMMENT ON COLUMN node.title IS 'mine'", "public.node"},
		{"CREATE SCHEMA mine", "schema mine"}, {"CREATE EXTENSION citext", "extension citext"}, {"SELECT lo_from_bytea(0, 'x')", "large objects"},
		{"COMMENT ON FUNCTION twice(int) IS 'mine'", "comment on function public.twice(integer)"},
		{"GRANT SELECT ON node TO pg_monitor; COMMENT ON TABLE node IS 'mine'", "public.node"}, {"GRANT UPDATE (title) ON node TO pg_monitor", "public.node"},
		{"REVOKE ALL ON FUNCTION twice(int) FROM PUBLIC", "function public.twice(integer)"}, {"ALTER SEQUENCE node_id_seq INCREMENT 2", "sequence public.node_id_seq"},
		{"CREATE STATISTICS mine ON id, title FROM node", "statistics mine"}, {"CREATE PUBLICATION mine FOR TABLE node", "publication mine"},
		{"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO pg_monitor", "default privileges postgres r public"},
		{"CREATE TRIGGER mine BEFORE INSERT ON other.child FOR EACH ROW EXECUTE FUNCTION touched()", "other.child"}, {"DROP MATERIALIZED VIEW counted", "materialized view public.counted"},
		{"ALTER TABLE node SET SCHEMA other; ALTER TABLE other.node SET SCHEMA public", ""}, {"BEGIN; DELETE FROM node; ROLLBACK", ""},
	} {
		targettest.Must(t, targettest.PullAs(t, db, dump, targettest.DumpOf("dump")))
		targettest.Must(t, server.Exec("site50", strings.Split(c.statement, " ;; ")...))
		targettest.WantChanges(t, db, c.statement, c.want)
	}
}

func TestPostgresMarkWithoutPull(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site51", "SELECT 1")
	db := targettest.OpenWatched(t, server.URL("site51"))
	if err := db.Mark(t.Context(), target.Hold); !errors.Is(err, target.ErrNothingToMark) {
		t.Errorf("an empty database: %v", err)
	}
	targettest.Must(t, server.Exec("site51", "CREATE TABLE t (id int)"))
	targettest.Must(t, db.Mark(t.Context(), target.Hold))
	if got := targettest.ReadContents(t, db); !got.Hold || got.Token != "" {
		t.Errorf("held: %+v", got)
	}
	if err := db.Undo(t.Context()); err == nil {
		t.Error("there is something to undo")
	}
	targettest.Must(t, db.Mark(t.Context(), target.Release))
	targettest.WantChanges(t, db, "released", "")
	// What others are writing meanwhile has an older number than what comes next.
	site, err := db.(*postgresswap.Database).Enter(t.Context())
	targettest.Must(t, err)
	targettest.Must(t, site.Exec(t.Context(), "BEGIN; INSERT INTO t VALUES (0)"))
	targettest.Must(t, server.Exec("site51", "SELECT txid_current()"))
	var busy *target.BusyError
	if err := db.Mark(t.Context(), target.Release); !errors.As(err, &busy) {
		t.Errorf("released while somebody writes: %v", err)
	}
	targettest.Must(t, site.Exec(t.Context(), "ROLLBACK"))
	site.Close()
	targettest.Must(t, server.Exec("site51", "INSERT INTO t VALUES (1)"))
	targettest.WantChanges(t, db, "changed", "public.t")
	targettest.Must(t, targettest.PullAs(t, db, "CREATE TABLE t (id int);\n", targettest.DumpOf("dump")))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.WantChanges(t, db, "brought back", "public.t")
}

// TestPostgresChangesSurvive changes a database just before its server ends, well or not.
func TestPostgresChangesSurvive(t *testing.T) {
	dir, err := os.MkdirTemp("", "target-changes-")
	targettest.Must(t, err)
	defer os.RemoveAll(dir)
	server, err := testserver.Postgres(dir)
	targettest.Must(t, err)
	defer server.Stop()
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE staging"))
	targettest.Must(t, server.Exec("staging", "CREATE TABLE node (id int)", "INSERT INTO node VALUES (1), (2)", "CREATE UNLOGGED TABLE light (id int)", "INSERT INTO light VALUES (1)"))
	db := targettest.OpenWatched(t, server.URL("site"))
	targettest.Must(t, targettest.PullAs(t, db, targettest.PgDump(t, server, "staging"), targettest.DumpOf("dump")))
	restart := func() {
		t.Helper()
		server.Stop()
		targettest.Must(t, server.Restart())
	}
	restart()
	targettest.WantChanges(t, db, "restarted", "")
	targettest.Must(t, server.Exec("site", "UPDATE node SET id = 3 WHERE id = 2"))
	server.Kill()
	targettest.Must(t, server.Restart())
	targettest.WantChanges(t, db, "changed and crashed", "public.light,public.node")
	restart()
	targettest.WantChanges(t, db, "restarted again", "public.light,public.node")
}

func TestSearchForChangesEnds(t *testing.T) {
	f := target.Fingerprint{Tables: map[string]target.TablePrint{"a": {Rows: "1"}, "b": {Rows: "1"}, "c": {}}}
	var looked []string
	found := target.Changes{Names: []string{"z"}}
	targettest.Must(t, f.CompareRows(&found, map[string]int64{"a": 2, "b": 1}, target.SearchPatience, func(table string, _ target.TablePrint) (bool, error) {
		looked = append(looked, table)
		return table == "b", nil
	}))
	if !slices.Equal(looked, []string{"b", "a"}) || !slices.Equal(found.Names, []string{"b", "z"}) {
		t.Errorf("looked at %q, found %+v", looked, found)
	}
}
