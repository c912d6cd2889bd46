package read

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var stateSite = []string{
	`CREATE TABLE node (id serial PRIMARY KEY, v text)`, `INSERT INTO node (v) SELECT i FROM generate_series(1, 500) i`,
	`CREATE TABLE parent (id int PRIMARY KEY)`, `CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE)`,
	`INSERT INTO parent VALUES (1), (2)`, `INSERT INTO child VALUES (1), (2)`,
	`CREATE TABLE parted (id int) PARTITION BY LIST (id)`, `CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)`,
	`INSERT INTO parted VALUES (1)`,
	`CREATE UNLOGGED TABLE unlogged (id int)`,
	`CREATE TABLE cache_page (id int, v int)`, `INSERT INTO cache_page VALUES (1, 1)`,
	`CREATE TABLE old (id int)`,
	`CREATE SEQUENCE seq`, `CREATE SEQUENCE unused`,
	`CREATE VIEW view AS SELECT id FROM parent`,
	`CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM node`,
	`CREATE FUNCTION fun() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
	`CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
	`CREATE TYPE colour AS ENUM ('red')`,
	`SELECT lo_from_bytea(7001, 'large')`,
}

// Each case continues where the one before has ended.
var stateCases = []sourcetest.StateCase{
	{Name: "insert", Statements: `INSERT INTO parent VALUES (3)`, Same: false},
	{Name: "update", Statements: `UPDATE node SET v = 'x' WHERE id = 1`, Same: false},
	{Name: "delete", Statements: `DELETE FROM node WHERE id = 2`, Same: false},
	{Name: "cascade", Statements: `DELETE FROM parent WHERE id = 2`, Same: false},
	{Name: "copy", Statements: `COPY parent FROM PROGRAM 'echo 77'`, Same: false},
	{Name: "partition", Statements: `INSERT INTO parted VALUES (1)`, Same: false},
	{Name: "unlogged", Statements: `INSERT INTO unlogged VALUES (1)`, Same: false},
	{Name: "truncate", Statements: `TRUNCATE child`, Same: false},
	{Name: "truncate and fill", Statements: `BEGIN; TRUNCATE child; INSERT INTO child VALUES (1); COMMIT`, Same: false},
	{Name: "new table", Statements: `CREATE TABLE fresh (id int)`, Same: false},
	{Name: "added column", Statements: `ALTER TABLE fresh ADD v int`, Same: false},
	{Name: "default", Statements: `ALTER TABLE fresh ALTER v SET DEFAULT 3`, Same: false},
	{Name: "comment", Statements: `COMMENT ON TABLE fresh IS 'x'`, Same: false},
	{Name: "index", Statements: `CREATE INDEX fresh_v ON fresh (v)`, Same: false},
	{Name: "dropped index", Statements: `DROP INDEX fresh_v`, Same: false},
	{Name: "renamed", Statements: `ALTER TABLE fresh RENAME TO fresher`, Same: false},
	{Name: "dropped table", Statements: `DROP TABLE fresher`, Same: false},
	{Name: "constraint", Statements: `ALTER TABLE parent ADD CHECK (id > 0)`, Same: false},
	{Name: "view", Statements: `CREATE OR REPLACE VIEW view AS SELECT id FROM parent WHERE id > 1`, Same: false},
	{Name: "function", Statements: `CREATE OR REPLACE FUNCTION fun() RETURNS int LANGUAGE sql AS 'SELECT 2'`, Same: false},
	{Name: "trigger", Statements: `CREATE TRIGGER trig BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION trig()`, Same: false},
	{Name: "type", Statements: `ALTER TYPE colour ADD VALUE 'green'`, Same: false},
	{Name: "schema", Statements: `CREATE SCHEMA extra`, Same: false},
	{Name: "extension", Statements: `CREATE EXTENSION pgcrypto`, Same: false},
	{Name: "policy", Statements: `CREATE POLICY p ON old USING (true)`, Same: false},
	{Name: "materialized view", Statements: `CREATE MATERIALIZED VIEW counted2 AS SELECT 1 AS one`, Same: false},
	{Name: "refreshed materialized view", Statements: `REFRESH MATERIALIZED VIEW counted`, Same: false},
	{Name: "new large object", Statements: `SELECT lo_from_bytea(7002, 'more')`, Same: false},
	{Name: "written large object", Statements: `SELECT lo_put(7001, 0, 'LARGE')`, Same: false},
	{Name: "removed large object", Statements: `SELECT lo_unlink(7001)`, Same: false},
	{Name: "nextval", Statements: `SELECT nextval('seq')`, Same: false},
	{Name: "nextval without a log record", Statements: `SELECT nextval('seq')`, Same: false},
	{Name: "setval", Statements: `SELECT setval('unused', 5, false)`, Same: false},
	{Name: "setval again", Statements: `SELECT setval('unused', 6, false)`, Same: false},
	{Name: "altered sequence", Statements: `ALTER SEQUENCE seq INCREMENT 2`, Same: false},
	{Name: "serial of a rolled back insert", Statements: `BEGIN; INSERT INTO node (v) VALUES ('gone'); ROLLBACK`, Same: false},
	{Name: "prepared transaction", Statements: `BEGIN; INSERT INTO parent VALUES (50); PREPARE TRANSACTION 'p'`, Same: true},
	{Name: "committed later", Statements: `COMMIT PREPARED 'p'`, Same: false},
	{Name: "reset counts", Statements: `SELECT pg_stat_reset()`, Same: false},

	{Name: "nothing", Statements: `SELECT 1`, Same: true},
	{Name: "reading", Statements: `SELECT count(*) FROM node; SELECT * FROM view; SELECT lo_get(7002)`, Same: true},
	{Name: "rows that stay behind", Statements: `INSERT INTO cache_page VALUES (2, 2); UPDATE cache_page SET v = 5; DELETE FROM cache_page`, Same: true},
	{Name: "truncated cache", Statements: `TRUNCATE cache_page`, Same: true},
	{Name: "excluded table", Statements: `INSERT INTO old VALUES (1)`, Same: true},
	{Name: "analyze", Statements: `ANALYZE`, Same: true},
	{Name: "vacuum", Statements: `VACUUM`, Same: true},
	{Name: "vacuum with freeze", Statements: `VACUUM (FREEZE, ANALYZE)`, Same: true},
	{Name: "checkpoint", Statements: `CHECKPOINT`, Same: true},
	{Name: "role", Statements: `CREATE ROLE someone`, Same: true},
	{Name: "another database", Statements: `CREATE DATABASE another`, Same: true},
}

func TestPostgresState(t *testing.T) {
	server, err := testserver.Postgres(t.TempDir(), "max_prepared_transactions=2", "autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.Exec("postgres", "CREATE DATABASE site", "CREATE ROLE reader LOGIN PASSWORD 'x'"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec("site", stateSite...); err != nil {
		t.Fatal(err)
	}
	source := sourcetest.StateSource(t, server.URL("site"))
	before := sourcetest.Settled(t, source)
	for _, test := range stateCases {
		if err := execPostgres(t.Context(), server, test.Statements); err != nil {
			t.Fatalf("%s: %v", test.Name, err)
		}
		after := sourcetest.Settled(t, source)
		if same := after.Same(before.String()); same != test.Same {
			t.Errorf("%s: same is %v", test.Name, same)
		}
		before = after
	}

	t.Run("dump", func(t *testing.T) {
		before := sourcetest.Settled(t, source)
		dump, err := source.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !sourcetest.Settled(t, source).Same(before.String()) {
			t.Error("while it runs: changed")
		}
		if _, err := sourcetest.ReadText(t.Context(), dump); err != nil {
			t.Fatal(err)
		}
		_ = dump.Close()
		if !sourcetest.Settled(t, source).Same(before.String()) {
			t.Error("afterwards: changed")
		}
	})
	// The server counts the second commit within a second only ten seconds later.
	t.Run("not counted yet", func(t *testing.T) {
		before := sourcetest.Settled(t, source)
		conn := connectPostgres(t, server)
		for range 2 {
			if _, err := conn.Exec(t.Context(), "INSERT INTO parent SELECT max(id) + 1 FROM parent"); err != nil {
				t.Fatal(err)
			}
		}
		state := sourcetest.ReadState(t, source)
		sourcetest.Expect(t, state.Doubt, "a session of the database is at work, or was a moment ago")
		if state.Same(before.String()) {
			t.Error("the same")
		}
		// Nobody writes, which is enough here, too.
		if !sourcetest.ReadState(t, source).Same(state.String()) {
			t.Error("changed while nobody wrote")
		}
		if _, err := conn.Exec(t.Context(), "INSERT INTO parent SELECT max(id) + 1 FROM parent"); err != nil {
			t.Fatal(err)
		}
		if sourcetest.ReadState(t, source).Same(state.String()) {
			t.Error("a change that is not counted: the same")
		}
		_ = conn.Close(t.Context())
		if sourcetest.Settled(t, source).Same(before.String()) {
			t.Error("at the end of the session: the same")
		}
	})
	t.Run("late commit", func(t *testing.T) {
		conn := connectPostgres(t, server)
		for _, statement := range []string{"BEGIN", "UPDATE node SET v = 'late'"} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		before := sourcetest.ReadState(t, source)
		if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
		if sourcetest.ReadState(t, source).Same(before.String()) {
			t.Error("the same")
		}
		_ = conn.Close(t.Context())
	})
	t.Run("privileges", func(t *testing.T) {
		if err := server.Exec("site", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader",
			"GRANT SELECT ON pg_largeobject TO reader"); err != nil {
			t.Fatal(err)
		}
		reader := sourcetest.StateSource(t, server.URLAs("reader", "x", "site"))
		before := sourcetest.Settled(t, reader)
		connectPostgres(t, server)
		state := sourcetest.ReadState(t, reader)
		sourcetest.Expect(t, state.Doubt, `takes the privileges of pg_read_all_stats (GRANT pg_read_all_stats TO "reader")`)
		if !state.Same(before.String()) {
			t.Error("changed while nobody wrote")
		}
	})
	// A backend that dies takes all others and all counts with it, while the server itself stays. So neither state
	// counts a row between two crashes.
	t.Run("crashes", func(t *testing.T) {
		crash(t, server, source)
		before := sourcetest.Settled(t, source)
		if err := execPostgres(t.Context(), server, "INSERT INTO parent SELECT max(id) + 1 FROM parent"); err != nil {
			t.Fatal(err)
		}
		crash(t, server, source)
		if sourcetest.Settled(t, source).Same(before.String()) {
			t.Error("the same")
		}
	})
	for name, stop := range map[string]func(){"restart": server.Stop, "kill": server.Kill} {
		t.Run(name, func(t *testing.T) {
			before := sourcetest.Settled(t, source)
			stop()
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			if sourcetest.Settled(t, source).Same(before.String()) {
				t.Error("the same")
			}
		})
	}
}

// crash kills a backend, and waits until the server has come back.
func crash(t *testing.T, server *testserver.PG, source *source.Source) {
	t.Helper()
	conn := connectPostgres(t, server)
	if err := syscall.Kill(int(conn.PgConn().PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(time.Minute)
	for broken := false; ; time.Sleep(20 * time.Millisecond) {
		_, err := source.State(t.Context())
		if broken = broken || err != nil; broken && err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the server does not break down and come back")
		}
	}
}

func connectPostgres(t *testing.T, server *testserver.PG) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL("site"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// execPostgres runs statements as psql does: they may include BEGIN and COMMIT.
func execPostgres(ctx context.Context, server *testserver.PG, statements string) error {
	conn, err := pgx.Connect(ctx, server.URL("site"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, statements).ReadAll()
	return err
}

func BenchmarkPostgresState(b *testing.B) {
	server, err := testserver.Postgres(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer server.Kill()
	statements := []string{}
	for i := range 200 {
		statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id serial PRIMARY KEY, v int)", i), fmt.Sprintf("INSERT INTO t%d (v) VALUES (1)", i))
	}
	if err := server.Exec("postgres", statements...); err != nil {
		b.Fatal(err)
	}
	sourcetest.BenchmarkState(b, server.URL("postgres"))
}
