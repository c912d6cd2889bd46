package staging

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var postgresStateSite = []string{
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

// Each follows upon the others.
var postgresStateCases = []stateCase{
	{"insert", `INSERT INTO parent VALUES (3)`, false},
	{"update", `UPDATE node SET v = 'x' WHERE id = 1`, false},
	{"delete", `DELETE FROM node WHERE id = 2`, false},
	{"cascade", `DELETE FROM parent WHERE id = 2`, false},
	{"copy", `COPY parent FROM PROGRAM 'echo 77'`, false},
	{"partition", `INSERT INTO parted VALUES (1)`, false},
	{"unlogged", `INSERT INTO unlogged VALUES (1)`, false},
	{"truncate", `TRUNCATE child`, false},
	{"truncate and fill", `BEGIN; TRUNCATE child; INSERT INTO child VALUES (1); COMMIT`, false},
	{"new table", `CREATE TABLE fresh (id int)`, false},
	{"added column", `ALTER TABLE fresh ADD v int`, false},
	{"default", `ALTER TABLE fresh ALTER v SET DEFAULT 3`, false},
	{"comment", `COMMENT ON TABLE fresh IS 'x'`, false},
	{"index", `CREATE INDEX fresh_v ON fresh (v)`, false},
	{"dropped index", `DROP INDEX fresh_v`, false},
	{"renamed", `ALTER TABLE fresh RENAME TO fresher`, false},
	{"dropped table", `DROP TABLE fresher`, false},
	{"constraint", `ALTER TABLE parent ADD CHECK (id > 0)`, false},
	{"view", `CREATE OR REPLACE VIEW view AS SELECT id FROM parent WHERE id > 1`, false},
	{"function", `CREATE OR REPLACE FUNCTION fun() RETURNS int LANGUAGE sql AS 'SELECT 2'`, false},
	{"trigger", `CREATE TRIGGER trig BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION trig()`, false},
	{"type", `ALTER TYPE colour ADD VALUE 'green'`, false},
	{"schema", `CREATE SCHEMA extra`, false},
	{"extension", `CREATE EXTENSION pgcrypto`, false},
	{"policy", `CREATE POLICY p ON old USING (true)`, false},
	{"materialized view", `CREATE MATERIALIZED VIEW counted2 AS SELECT 1 AS one`, false},
	{"refreshed materialized view", `REFRESH MATERIALIZED VIEW counted`, false},
	{"new large object", `SELECT lo_from_bytea(7002, 'more')`, false},
	{"written large object", `SELECT lo_put(7001, 0, 'LARGE')`, false},
	{"removed large object", `SELECT lo_unlink(7001)`, false},
	{"nextval", `SELECT nextval('seq')`, false},
	{"nextval without a log record", `SELECT nextval('seq')`, false},
	{"setval", `SELECT setval('unused', 5, false)`, false},
	{"setval again", `SELECT setval('unused', 6, false)`, false},
	{"altered sequence", `ALTER SEQUENCE seq INCREMENT 2`, false},
	{"serial of a rolled back insert", `BEGIN; INSERT INTO node (v) VALUES ('gone'); ROLLBACK`, false},
	{"prepared transaction", `BEGIN; INSERT INTO parent VALUES (50); PREPARE TRANSACTION 'p'`, true},
	{"committed later", `COMMIT PREPARED 'p'`, false},
	{"reset counts", `SELECT pg_stat_reset()`, false},

	{"nothing", `SELECT 1`, true},
	{"reading", `SELECT count(*) FROM node; SELECT * FROM view; SELECT lo_get(7002)`, true},
	{"rows that stay behind", `INSERT INTO cache_page VALUES (2, 2); UPDATE cache_page SET v = 5; DELETE FROM cache_page`, true},
	{"truncated cache", `TRUNCATE cache_page`, true},
	{"excluded table", `INSERT INTO old VALUES (1)`, true},
	{"analyze", `ANALYZE`, true},
	{"vacuum", `VACUUM`, true},
	{"vacuum with freeze", `VACUUM (FREEZE, ANALYZE)`, true},
	{"checkpoint", `CHECKPOINT`, true},
	{"role", `CREATE ROLE someone`, true},
	{"another database", `CREATE DATABASE another`, true},
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
	if err := server.Exec("site", postgresStateSite...); err != nil {
		t.Fatal(err)
	}
	source := stateSource(t, server.URL("site"))
	before := settled(t, source)
	for _, test := range postgresStateCases {
		if err := execPostgres(t.Context(), server, test.statements); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		after := settled(t, source)
		if same := after.Same(before.String()); same != test.same {
			t.Errorf("%s: same is %v", test.name, same)
		}
		before = after
	}

	t.Run("dump", func(t *testing.T) {
		before := settled(t, source)
		dump, err := source.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !settled(t, source).Same(before.String()) {
			t.Error("while it runs: changed")
		}
		if _, err := readText(t.Context(), dump); err != nil {
			t.Fatal(err)
		}
		_ = dump.Close()
		if !settled(t, source).Same(before.String()) {
			t.Error("afterwards: changed")
		}
	})
	// The second commit within a second is not counted for ten more.
	t.Run("not counted yet", func(t *testing.T) {
		before := settled(t, source)
		conn := connectPostgres(t, server)
		for range 2 {
			if _, err := conn.Exec(t.Context(), "INSERT INTO parent SELECT max(id) + 1 FROM parent"); err != nil {
				t.Fatal(err)
			}
		}
		state := readState(t, source)
		expect(t, state.Doubt, "a session of the database is at work, or was a moment ago")
		if state.Same(before.String()) {
			t.Error("the same")
		}
		// Nobody writes: that is enough even so.
		if !readState(t, source).Same(state.String()) {
			t.Error("changed while nobody wrote")
		}
		if _, err := conn.Exec(t.Context(), "INSERT INTO parent SELECT max(id) + 1 FROM parent"); err != nil {
			t.Fatal(err)
		}
		if readState(t, source).Same(state.String()) {
			t.Error("a change that is not counted: the same")
		}
		_ = conn.Close(t.Context())
		if settled(t, source).Same(before.String()) {
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
		before := readState(t, source)
		if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
		if readState(t, source).Same(before.String()) {
			t.Error("the same")
		}
		_ = conn.Close(t.Context())
	})
	t.Run("privileges", func(t *testing.T) {
		if err := server.Exec("site", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader"); err != nil {
			t.Fatal(err)
		}
		reader := stateSource(t, server.URLAs("reader", "x", "site"))
		before := settled(t, reader)
		connectPostgres(t, server)
		state := readState(t, reader)
		expect(t, state.Doubt, `takes the privileges of pg_read_all_stats (GRANT pg_read_all_stats TO "reader")`)
		if !state.Same(before.String()) {
			t.Error("changed while nobody wrote")
		}
	})
	// A backend that dies takes all others and all counts along; the server itself stays. So a row between two crashes is
	// counted in neither state.
	t.Run("crashes", func(t *testing.T) {
		crash(t, server, source)
		before := settled(t, source)
		if err := execPostgres(t.Context(), server, "INSERT INTO parent SELECT max(id) + 1 FROM parent"); err != nil {
			t.Fatal(err)
		}
		crash(t, server, source)
		if settled(t, source).Same(before.String()) {
			t.Error("the same")
		}
	})
	for name, stop := range map[string]func(){"restart": server.Stop, "kill": server.Kill} {
		t.Run(name, func(t *testing.T) {
			before := settled(t, source)
			stop()
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			if settled(t, source).Same(before.String()) {
				t.Error("the same")
			}
		})
	}
}

// crash kills a backend, and waits until the server has come back.
func crash(t *testing.T, server *testserver.PG, source *Source) {
	t.Helper()
	conn := connectPostgres(t, server)
	if err := syscall.Kill(int(conn.PgConn().PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(20 * time.Second)
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

// execPostgres runs statements as psql would, so that they may hold BEGIN and COMMIT.
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
	benchmarkState(b, server.URL("postgres"))
}
