package targettest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// PostgresServer is the PostgreSQL server that the tests of a package share.
func PostgresServer(t *testing.T) *testserver.PG {
	t.Helper()
	server, err := Postgres()
	Must(t, err)
	return server
}

// FreshPG drops a database and everything that lies beside it, and makes it anew with the statements.
func FreshPG(t *testing.T, server *testserver.PG, database string, statements ...string) {
	t.Helper()
	for _, suffix := range []string{"", "__dump_incoming", "__dump_previous", "__dump_spare", "__dump_older_1", "__dump_older_2", "__dump_older_3"} {
		Must(t, server.Exec("postgres", "DROP DATABASE IF EXISTS "+postgres.QuoteIdentifier(database+suffix)+" WITH (FORCE)"))
	}
	if len(statements) > 0 {
		Must(t, server.Exec("postgres", "CREATE DATABASE "+postgres.QuoteIdentifier(database)))
		Must(t, server.Exec(database, statements...))
	}
}

// ContentPG is the whole of a database in one text that is the same for equal databases.
func ContentPG(t *testing.T, server *testserver.PG, database string) string {
	t.Helper()
	text := Command(t, "pg_dump", "-h", "127.0.0.1", "-p", fmt.Sprint(server.Port), "-U", "postgres", database)
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// PgDump dumps a database with pg_dump.
func PgDump(t *testing.T, server *testserver.PG, database string, options ...string) string {
	t.Helper()
	words := append([]string{"pg_dump", "-h", "127.0.0.1", "-p", fmt.Sprint(server.Port), "-U", "postgres"}, options...)
	return Command(t, append(words, database)...)
}

// NoGarbagePG fails the test where something but the earlier databases lies beside, or a load has left its role.
func NoGarbagePG(t *testing.T, server *testserver.PG, database string) {
	t.Helper()
	rows, err := server.Query("postgres", "SELECT datname FROM pg_database WHERE datname IN ('"+database+"__dump_incoming', '"+database+"__dump_spare')"+
		" UNION ALL SELECT rolname FROM pg_roles WHERE rolname = '"+database+"__dump_incoming'")
	Must(t, err)
	if len(rows) > 0 {
		t.Errorf("left beside: %v", rows)
	}
}

// SitePG is a small database with everything that a swap must carry.
func SitePG(generation string) []string {
	return []string{
		"CREATE SCHEMA other; CREATE TYPE mood AS ENUM ('sad', 'glad')",
		"CREATE TABLE parent (id serial PRIMARY KEY, name text, mood mood DEFAULT 'glad', doc jsonb)",
		"CREATE TABLE other.child (id int GENERATED ALWAYS AS IDENTITY, parent int REFERENCES parent)",
		"CREATE TABLE parted (id int, v text) PARTITION BY RANGE (id)",
		"CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (100)",
		"CREATE TABLE base (a int); CREATE TABLE derived (b int) INHERITS (base); INSERT INTO base VALUES (1); INSERT INTO derived VALUES (1, 2)",
		`CREATE TABLE "We""ird" ("Se lect" int)`,
		"INSERT INTO parent (name, doc) VALUES ('" + generation + "', '{}'), (E'tab\\tline\\nback\\\\slash', NULL), ('\\.', '{\"a\": \"\\\\.\"}'), ('ünïcödé 🐦', NULL)",
		"INSERT INTO other.child (parent) VALUES (1), (2)", "INSERT INTO parted SELECT i, i FROM generate_series(1, 50) i",
		"CREATE VIEW tops AS SELECT name, '" + generation + "' AS generation FROM parent",
		"CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM parent",
		"CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS $x$ SELECT n * 2; $x$",
		"CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := NEW.name || ';'; RETURN NEW; END $$",
		"CREATE TRIGGER touch BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION touched()",
		"CREATE EXTENSION IF NOT EXISTS pg_trgm", "CREATE INDEX by_name ON parent USING gin (name gin_trgm_ops)",
	}
}
