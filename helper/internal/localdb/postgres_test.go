package localdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func postgresServer(t *testing.T) *testserver.PG {
	t.Helper()
	server, err := postgres()
	must(t, err)
	return server
}

// freshPG drops a database and everything that lies beside it, and makes it anew with the statements.
func freshPG(t *testing.T, server *testserver.PG, database string, statements ...string) {
	t.Helper()
	for _, suffix := range []string{"", "__dump_incoming", "__dump_previous", "__dump_spare", "__dump_older_1", "__dump_older_2", "__dump_older_3"} {
		must(t, server.Exec("postgres", "DROP DATABASE IF EXISTS "+quoteIdentifier(database+suffix)+" WITH (FORCE)"))
	}
	if len(statements) > 0 {
		must(t, server.Exec("postgres", "CREATE DATABASE "+quoteIdentifier(database)))
		must(t, server.Exec(database, statements...))
	}
}

// contentPG is the whole of a database in one text that is the same for equal databases.
func contentPG(t *testing.T, server *testserver.PG, database string) string {
	t.Helper()
	text := command(t, "pg_dump", "-h", "127.0.0.1", "-p", fmt.Sprint(server.Port), "-U", "postgres", database)
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func pgDump(t *testing.T, server *testserver.PG, database string, options ...string) string {
	t.Helper()
	words := append([]string{"pg_dump", "-h", "127.0.0.1", "-p", fmt.Sprint(server.Port), "-U", "postgres"}, options...)
	return command(t, append(words, database)...)
}

func noRubbishPG(t *testing.T, server *testserver.PG, database string) {
	t.Helper()
	rows, err := server.Query("postgres", "SELECT datname FROM pg_database WHERE datname IN ('"+database+"__dump_incoming', '"+database+"__dump_spare')")
	must(t, err)
	if len(rows) > 0 {
		t.Errorf("left beside: %v", rows)
	}
}

func sitePG(generation string) []string {
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

func TestPostgresPullUndo(t *testing.T) {
	server := postgresServer(t)
	freshPG(t, server, "staging1", sitePG("new")...)
	freshPG(t, server, "site1", sitePG("old")...)
	must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE visitor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
		"ALTER DATABASE site1 SET search_path TO other, public", "ALTER DATABASE site1 SET work_mem TO '5MB'", "ALTER ROLE visitor IN DATABASE site1 SET \"my.var\" TO 'a b, c'",
		"REVOKE ALL ON DATABASE site1 FROM PUBLIC", "GRANT CONNECT ON DATABASE site1 TO visitor", "COMMENT ON DATABASE site1 IS 'it''s'"))
	settings := func() [][]string {
		rows, err := server.Query("postgres", "SELECT setrole, setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'site1'"+
			" UNION ALL SELECT 0, datacl::text || shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'site1' ORDER BY 1, 2")
		must(t, err)
		return rows
	}
	before := settings()
	old, new := contentPG(t, server, "site1"), contentPG(t, server, "staging1")
	dump := pgDump(t, server, "staging1")
	db, said := open(t, server.URL("site1"))
	if info := db.Info(); info.Engine != "postgres" || !strings.HasPrefix(info.Version, "1") || !info.Exists {
		t.Errorf("info is %+v", info)
	}
	if free, known := db.FreeBytes(t.Context()); !known || free <= 0 {
		t.Errorf("free bytes are %d, %v", free, known)
	}
	// The site is at work all the while, and comes back as soon as it is thrown out.
	ctx, stop := context.WithCancel(t.Context())
	connected, ended := make(chan bool, 1000), make(chan int)
	go func() {
		thrownOut := 0
		for ctx.Err() == nil {
			conn, err := pgconn.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=site1 sslmode=disable", server.Port))
			if err != nil {
				continue
			}
			connected <- true
			for err == nil && ctx.Err() == nil {
				_, err = conn.Exec(ctx, "SELECT 1, pg_sleep(0.01)").ReadAll()
			}
			if ctx.Err() == nil {
				thrownOut++
			}
			_ = conn.Close(context.Background())
		}
		ended <- thrownOut
	}()
	<-connected
	must(t, pull(t, db, dump))
	must(t, db.Undo(t.Context()))
	must(t, db.Undo(t.Context()))
	stop()
	if thrownOut := <-ended; thrownOut < 1 {
		t.Error("the site was never thrown out")
	}
	if diff := cmp.Diff(new, contentPG(t, server, "site1")); diff != "" {
		t.Errorf("after the pull (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	noRubbishPG(t, server, "site1")
	must(t, db.Undo(t.Context()))
	if diff := cmp.Diff(old, contentPG(t, server, "site1")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	must(t, pull(t, db, pgDump(t, server, "staging1", "--inserts", "--create", "--load-via-partition-root")))
	if diff := cmp.Diff(new, contentPG(t, server, "site1")); diff != "" {
		t.Errorf("after a pull of INSERTs (-want +got):\n%s", diff)
	}
	if len(said.lines) > 0 {
		t.Errorf("notes: %q", said.lines)
	}
}

// TestPostgresKilled pulls and undoes with a helper that is killed at every step in turn.
func TestPostgresKilled(t *testing.T) {
	server := postgresServer(t)
	state := func(generation string) []string {
		return []string{"CREATE TABLE t (v text)", "INSERT INTO t VALUES ('" + generation + "')"}
	}
	freshPG(t, server, "staging2", state("new")...)
	dump := filepath.Join(t.TempDir(), "dump.sql")
	must(t, os.WriteFile(dump, []byte(pgDump(t, server, "staging2")), 0o600))
	freshPG(t, server, "older2", state("old")...)
	older := pgDump(t, server, "older2")
	generation := func() string {
		rows, err := server.Query("site2", "SELECT string_agg(v, ',') FROM t")
		must(t, err)
		return rows[0][0]
	}
	previous := map[string]string{"new": "old", "old": "oldest", "oldest": "old"}
	keys := map[string]string{"new": "dump.sql", "old": "old"} // of the oldest one nobody knows any
	for _, test := range []struct{ dump, other string }{{dump, "new"}, {"", "oldest"}} {
		wentOn := map[string]int{}
		for step := -1; ; step++ { // -1 and 0: while it loads, and never
			freshPG(t, server, "site2", state("oldest")...)
			db, _ := open(t, server.URL("site2"))
			must(t, pullAs(t, db, older, dumpOf("old")))
			finished := runChild(t, server.URL("site2"), test.dump, step)
			unfinished := held(t, db)
			must(t, db.Recover(t.Context()))
			noRubbishPG(t, server, "site2")
			now := generation()
			wentOn[now]++
			if now != "old" && now != test.other {
				t.Fatalf("killed at step %d: %s", step, now)
			}
			if holds := keys[now]; holds != "" && unfinished.Dump != dumpOf(holds) || holds == "" && unfinished.Dump != (Dump{}) {
				t.Fatalf("killed at step %d: it holds %s, and says %+v before it is recovered", step, now, unfinished)
			}
			wantHeld(t, db, keys[now])
			must(t, db.Undo(t.Context()))
			if got := generation(); got != previous[now] {
				t.Fatalf("killed at step %d, then undone from %s: %s", step, now, got)
			}
			wantHeld(t, db, keys[previous[now]])
			if finished && step > 0 {
				break
			}
		}
		if wentOn["old"] < 3 || wentOn[test.other] < 2 {
			t.Errorf("too few steps: %v", wentOn)
		}
	}
}

func TestPostgresBadDumps(t *testing.T) {
	server := postgresServer(t)
	freshPG(t, server, "site3", sitePG("old")...)
	old := contentPG(t, server, "site3")
	const table = "CREATE TABLE public.t (id int PRIMARY KEY, mail text);\n"
	for name, test := range map[string]struct{ dump, want string }{
		"refused statement": {table + "CREATE TABLE u (id inx);\n", "statement 2 at byte 55 (\"CREATE TABLE u (id inx)\") failed: type \"inx\" does not exist"},
		"refused rows":      {table + "COPY public.t FROM stdin;\n1\tanna@x.eu\nanna\tx\n\\.\n", "statement 2 at byte 55 (rows of table public.t) failed: invalid input syntax for type integer"},
		"refused INSERT":    {table + "INSERT INTO public.t VALUES (1,'anna@x.eu'),(1,'anna@x.eu');\n", "statement 2 at byte 55 (rows of table public.t) failed: duplicate key value violates unique constraint \"t_pkey\""},
		"cut in a COPY":     {table + "COPY public.t FROM stdin;\n1\ta", "read the dump: the dump ends in the middle of a statement"},
		"cut between":       {"--\n-- PostgreSQL database dump\n--\n" + table, "the dump lacks its closing line: it is cut off"},
		"second database":   {"\\connect a\n" + table + "\\connect b\n", "the dump is of more than one database: a and b"},
		"too few rows":      {table + "COPY public.t FROM stdin;\n1\ta\n\\.\nDELETE FROM public.t;\n", "table public.t has 0 rows after the load, the dump has 1"},
		"table renamed":     {table + "ALTER TABLE public.t RENAME TO u;\n", "table public.t is missing after the load"},
		"extension":         {table + "CREATE EXTENSION IF NOT EXISTS no_such WITH SCHEMA public;\n", "the server lacks extension no_such: ERROR: "},
		"MySQL":             {"-- MySQL dump 10\n", "the dump is one of MySQL, the target is PostgreSQL"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := open(t, server.URL("site3"))
			err := pull(t, db, test.dump)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "anna") {
				t.Errorf("personal data in %v", err)
			}
		})
	}
	broken := errors.New("the network is gone")
	db, _ := open(t, server.URL("site3"))
	load, err := db.Begin(t.Context())
	must(t, err)
	_, err = load.Run(t.Context(), io.MultiReader(strings.NewReader(table+"COPY public.t FROM stdin;\n1\ta\n"), &failing{broken}), sqltext.Postgres, nil)
	if !errors.Is(err, broken) {
		t.Errorf("a source that fails within a COPY gives %v", err)
	}
	must(t, load.Discard())
	if diff := cmp.Diff(old, contentPG(t, server, "site3")); diff != "" {
		t.Errorf("the database has changed (-want +got):\n%s", diff)
	}
	noRubbishPG(t, server, "site3")
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestPostgresForeignDump loads what a newer server writes, with roles that are unknown here.
func TestPostgresForeignDump(t *testing.T) {
	server := postgresServer(t)
	freshPG(t, server, "site4", "SELECT 1")
	must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE keeper; EXCEPTION WHEN duplicate_object THEN NULL; END $$", "ALTER DATABASE site4 OWNER TO keeper"))
	db, said := open(t, server.URL("site4"))
	must(t, pull(t, db, `--
-- PostgreSQL database dump
--

\restrict abc

SET statement_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE DATABASE staging WITH TEMPLATE = template0 ENCODING = 'UTF8';
ALTER DATABASE staging OWNER TO stager;
\connect staging
CREATE SCHEMA public;
ALTER SCHEMA public OWNER TO pg_database_owner;
CREATE TABLE public.t (id integer, v text DEFAULT 'OWNER TO nobody');
ALTER TABLE public.t OWNER TO stager;
COPY public.t (id, v) FROM stdin;
1	OWNER TO stager; \\.
\N	x
\.
GRANT SELECT ON TABLE public.t TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE stager IN SCHEMA public GRANT SELECT ON TABLES TO reader;
CREATE ROLE stager;
--
-- PostgreSQL database dump complete
--

\unrestrict abc
`))
	rows, err := server.Query("site4", "SELECT tableowner, (SELECT string_agg(v, '|' ORDER BY v) FROM t) FROM pg_tables WHERE tablename = 't'")
	must(t, err)
	if diff := cmp.Diff([][]string{{"keeper", `OWNER TO stager; \.|x`}}, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, part := range []string{`unrecognized configuration parameter "transaction_timeout"`, "role stager does not exist here: keeper owns what it owned",
		`role "reader" does not exist`, "the dump's CREATE ROLE statements are skipped"} {
		said.want(t, part)
	}
}

func TestPostgresRefusals(t *testing.T) {
	server := postgresServer(t)
	freshPG(t, server, "site5", "SELECT 1")
	must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE poor LOGIN PASSWORD 'pw'; EXCEPTION WHEN duplicate_object THEN NULL; END $$", "ALTER ROLE poor NOCREATEDB"))
	parse := func(text string) dburl.URL {
		u, err := dburl.Parse(text)
		must(t, err)
		return u
	}
	_, err := tryOpen(t, Config{URL: parse(server.URLAs("poor", "wrong", "site5"))})
	var auth *AuthError
	if !errors.As(err, &auth) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password gives %v", err)
	}
	_, err = tryOpen(t, Config{URL: parse("postgres://root@127.0.0.1:1/x")})
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || !strings.HasPrefix(err.Error(), "cannot reach 127.0.0.1:1: ") {
		t.Errorf("a closed port gives %v", err)
	}
	db, _ := open(t, server.URLAs("poor", "pw", "site5"))
	_, err = db.Begin(t.Context())
	var privilege *PrivilegeError
	if !errors.As(err, &privilege) {
		t.Fatalf("without privileges: %v", err)
	}
	for grant := range strings.SplitSeq(privilege.Grant, "; ") {
		must(t, server.Exec("postgres", grant))
	}
	must(t, pull(t, db, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n"))
	must(t, db.Undo(t.Context()))
	first, err := db.Begin(t.Context())
	must(t, err)
	defer first.Discard()
	_, err = db.Begin(t.Context())
	var busy *BusyError
	if !errors.As(err, &busy) || !busy.Running || !strings.Contains(err.Error(), " of poor from 127.0.0.1") {
		t.Errorf("the second one gets %v", err)
	}
	nothing, _ := open(t, server.URL("nowhere5"))
	if err := nothing.Undo(t.Context()); err != ErrNothingToUndo {
		t.Errorf("undo gives %v", err)
	}
}

// TestPostgresDiskFull loads into a server whose disk is too small.
func TestPostgresDiskFull(t *testing.T) {
	dir, err := os.MkdirTemp("", "localdb-full-")
	must(t, err)
	defer os.RemoveAll(dir)
	unmount, err := testserver.SmallDisk(dir, "100m,mode=0755")
	must(t, err)
	defer unmount()
	server, err := testserver.Postgres(dir, "max_wal_size=16MB", "min_wal_size=8MB", "wal_level=minimal", "max_wal_senders=0")
	must(t, err)
	defer server.Stop()
	must(t, server.Exec("postgres", "CREATE DATABASE site"))
	must(t, server.Exec("site", "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)"))
	old := contentPG(t, server, "site")
	db, _ := open(t, server.URL("site"))
	load, err := db.Begin(t.Context())
	must(t, err)
	// wal_level=minimal and a table made in the same transaction: the log does not fill the disk, and
	// with it the server.
	rows := strings.NewReader("BEGIN;\nCREATE TABLE t (v text);\nCOPY t FROM stdin;\n" + strings.Repeat(strings.Repeat("x", 1000)+"\n", 100000) + "\\.\nCOMMIT;\n")
	_, err = load.Run(t.Context(), rows, sqltext.Postgres, nil)
	var full *NoSpaceError
	if !errors.As(err, &full) {
		t.Errorf("got %v", err)
	}
	must(t, load.Discard())
	if diff := cmp.Diff(old, contentPG(t, server, "site")); diff != "" {
		t.Errorf("the database has changed (-want +got):\n%s", diff)
	}
	noRubbishPG(t, server, "site")
}
