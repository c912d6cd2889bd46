package swap

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

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestPostgresPullUndo(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging1", targettest.SitePG("new")...)
	targettest.FreshPG(t, server, "site1", targettest.SitePG("old")...)
	targettest.Must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE visitor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
		"ALTER DATABASE site1 SET search_path TO other, public", "ALTER DATABASE site1 SET work_mem TO '5MB'", "ALTER ROLE visitor IN DATABASE site1 SET \"my.var\" TO 'a b, c'",
		"REVOKE ALL ON DATABASE site1 FROM PUBLIC", "GRANT CONNECT ON DATABASE site1 TO visitor", "COMMENT ON DATABASE site1 IS 'it''s'"))
	settings := func() [][]string {
		rows, err := server.Query("postgres", "SELECT setrole, setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'site1'"+
			" UNION ALL SELECT 0, datacl::text || shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'site1' ORDER BY 1, 2")
		targettest.Must(t, err)
		return rows
	}
	before := settings()
	old, new := targettest.ContentPG(t, server, "site1"), targettest.ContentPG(t, server, "staging1")
	dump := targettest.PgDump(t, server, "staging1")
	db, said := targettest.Open(t, server.URL("site1"))
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
	targettest.Must(t, targettest.Pull(t, db, dump))
	targettest.Must(t, db.Undo(t.Context()))
	targettest.Must(t, db.Undo(t.Context()))
	stop()
	if thrownOut := <-ended; thrownOut < 1 {
		t.Error("the site was never thrown out")
	}
	if diff := cmp.Diff(new, targettest.ContentPG(t, server, "site1")); diff != "" {
		t.Errorf("after the pull (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	targettest.NoGarbagePG(t, server, "site1")
	targettest.Must(t, db.Undo(t.Context()))
	if diff := cmp.Diff(old, targettest.ContentPG(t, server, "site1")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	targettest.Must(t, targettest.Pull(t, db, targettest.PgDump(t, server, "staging1", "--inserts", "--create", "--load-via-partition-root")))
	if diff := cmp.Diff(new, targettest.ContentPG(t, server, "site1")); diff != "" {
		t.Errorf("after a pull of INSERTs (-want +got):\n%s", diff)
	}
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
}

// TestPostgresKilled pulls and undoes with a helper that is killed at every step in turn.
func TestPostgresKilled(t *testing.T) {
	server := targettest.PostgresServer(t)
	state := func(generation string) []string {
		return []string{"CREATE TABLE t (v text)", "INSERT INTO t VALUES ('" + generation + "')"}
	}
	targettest.FreshPG(t, server, "staging2", state("new")...)
	dump := filepath.Join(t.TempDir(), "dump.sql")
	targettest.Must(t, os.WriteFile(dump, []byte(targettest.PgDump(t, server, "staging2")), 0o600))
	targettest.FreshPG(t, server, "older2", state("old")...)
	older := targettest.PgDump(t, server, "older2")
	generation := func() string {
		rows, err := server.Query("site2", "SELECT string_agg(v, ',') FROM t")
		targettest.Must(t, err)
		return rows[0][0]
	}
	previous := map[string]string{"new": "old", "old": "oldest", "oldest": "old"}
	keys := map[string]string{"new": "dump.sql", "old": "old"} // of the oldest one nobody knows any
	for _, test := range []struct{ dump, other string }{{dump, "new"}, {"", "oldest"}} {
		wentOn := map[string]int{}
		for step := -1; ; step++ { // -1 and 0: while it loads, and never
			targettest.FreshPG(t, server, "site2", state("oldest")...)
			db, _ := targettest.Open(t, server.URL("site2"))
			targettest.Must(t, targettest.PullAs(t, db, older, targettest.DumpOf("old")))
			finished := targettest.RunChild(t, server.URL("site2"), test.dump, step)
			unfinished := targettest.ReadContents(t, db)
			targettest.Must(t, db.Recover(t.Context()))
			targettest.NoGarbagePG(t, server, "site2")
			now := generation()
			wentOn[now]++
			if now != "old" && now != test.other {
				t.Fatalf("killed at step %d: %s", step, now)
			}
			if holds := keys[now]; holds != "" && unfinished.Dump != targettest.DumpOf(holds) || holds == "" && unfinished.Dump != (target.Dump{}) {
				t.Fatalf("killed at step %d: it holds %s, and says %+v before it is recovered", step, now, unfinished)
			}
			targettest.WantContents(t, db, keys[now])
			targettest.Must(t, db.Undo(t.Context()))
			if got := generation(); got != previous[now] {
				t.Fatalf("killed at step %d, then undone from %s: %s", step, now, got)
			}
			targettest.WantContents(t, db, keys[previous[now]])
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
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site3", targettest.SitePG("old")...)
	old := targettest.ContentPG(t, server, "site3")
	const table = "CREATE TABLE public.t (id int PRIMARY KEY, mail text);\n"
	for name, test := range map[string]struct{ dump, want string }{
		"refused statement": {table + "CREATE TABLE u (id inx);\n", "statement 2 at byte 55 (\"CREATE TABLE u (id inx)\") failed: type \"inx\" does not exist"},
		"refused rows":      {table + "COPY public.t FROM stdin;\n1\tanna@x.eu\nanna\tx\n\\.\n", "statement 2 at byte 55 (rows of table public.t) failed: invalid input syntax for type integer"},
		"refused INSERT":    {table + "INSERT INTO public.t VALUES (1,'anna@x.eu'),(1,'anna@x.eu');\n", "statement 2 at byte 55 (rows of table public.t) failed: duplicate key value violates unique constraint \"t_pkey\""},
		"cut in a COPY":     {table + "COPY public.t FROM stdin;\n1\ta", "read the dump: the dump ends in the middle of a statement"},
		"cut between":       {"--\n-- PostgreSQL database dump\n--\n" + table, "the dump lacks its closing line: it is cut off"},
		"second database":   {"\\connect a\n" + table + "\\connect b\nCREATE TABLE public.u (id int);\n", "the dump is of more than one database: a and b"},
		"rows alone":        {"COPY public.t FROM stdin;\n1\ta\n\\.\n", "the dump has rows of table public.t, which it does not create"},
		"too few rows":      {table + "COPY public.t FROM stdin;\n1\ta\n\\.\nDELETE FROM public.t;\n", "table public.t has 0 rows after the load, the dump has 1"},
		"table renamed":     {table + "ALTER TABLE public.t RENAME TO u;\n", "table public.t is missing after the load"},
		"extension": {table + "CREATE EXTENSION IF NOT EXISTS no_such WITH SCHEMA public;\nCREATE TABLE public.u (a public.no_type);\n", "the local server does not take a table: " +
			"statement 3 at byte 114 (\"CREATE TABLE public.u (a public.no_type)\") failed: type \"public.no_type\" does not exist; the server lacks extension no_such: ERROR: "},
		"tables between rows": {"CREATE TABLE public.u (a public.no_type);\nCREATE TABLE public.t (id int);\nCOPY public.t FROM stdin;\n1\n\\.\nCREATE TABLE public.w (a public.no_other);\nCREATE INDEX ON public.w (a);\n",
			"the local server does not take 2 tables: statement 1 at byte 0 (\"CREATE TABLE public.u (a public.no_type)\") failed: type \"public.no_type\" does not exist; " +
				"statement 4 at byte 105 (\"CREATE TABLE public.w (a public.no_other)\") failed: type \"public.no_other\" does not exist"},
		"MySQL": {"-- MySQL dump 10\n", "the dump is one of MySQL, the target is PostgreSQL"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := targettest.Open(t, server.URL("site3"))
			err := targettest.Pull(t, db, test.dump)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "anna") {
				t.Errorf("personal data in %v", err)
			}
		})
	}
	broken := errors.New("the network is gone")
	db, _ := targettest.Open(t, server.URL("site3"))
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	_, err = load.Run(t.Context(), io.MultiReader(strings.NewReader(table+"COPY public.t FROM stdin;\n1\ta\n"), &failing{broken}), sqltext.Postgres, nil)
	if !errors.Is(err, broken) {
		t.Errorf("a source that fails within a COPY gives %v", err)
	}
	targettest.Must(t, load.Discard())
	if diff := cmp.Diff(old, targettest.ContentPG(t, server, "site3")); diff != "" {
		t.Errorf("the database has changed (-want +got):\n%s", diff)
	}
	targettest.NoGarbagePG(t, server, "site3")
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestPostgresForeignDump loads what a newer server writes, with roles that are unknown here.
func TestPostgresForeignDump(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site4", "SELECT 1")
	targettest.Must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE keeper; EXCEPTION WHEN duplicate_object THEN NULL; END $$", "ALTER DATABASE site4 OWNER TO keeper"))
	db, said := targettest.Open(t, server.URL("site4"))
	targettest.Must(t, targettest.Pull(t, db, `--
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
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"keeper", `OWNER TO stager; \.|x`}}, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, part := range []string{`unrecognized configuration parameter "transaction_timeout"`, "role stager does not exist here: keeper owns what it owned",
		`role "reader" does not exist`, "the dump's CREATE ROLE statements are skipped"} {
		said.Want(t, part)
	}
}

func TestPostgresRefusals(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site5", "SELECT 1")
	targettest.Must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE poor LOGIN PASSWORD 'pw'; EXCEPTION WHEN duplicate_object THEN NULL; END $$", "ALTER ROLE poor NOCREATEDB"))
	targettest.WantRefusals(t, server.URLAs("poor", "wrong", "site5"), "postgres://root@127.0.0.1:1/x")
	db, _ := targettest.Open(t, server.URLAs("poor", "pw", "site5"))
	_, err := db.Begin(t.Context())
	var privilege *target.PrivilegeError
	if !errors.As(err, &privilege) {
		t.Fatalf("without privileges: %v", err)
	}
	for grant := range strings.SplitSeq(privilege.Grant, "; ") {
		targettest.Must(t, server.Exec("postgres", grant))
	}
	targettest.Must(t, targettest.Pull(t, db, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n"))
	targettest.Must(t, db.Undo(t.Context()))
	first, err := db.Begin(t.Context())
	targettest.Must(t, err)
	defer first.Discard()
	_, err = db.Begin(t.Context())
	var busy *target.BusyError
	if !errors.As(err, &busy) || !busy.Running || !strings.Contains(err.Error(), " of poor from 127.0.0.1") {
		t.Errorf("the second one gets %v", err)
	}
	nothing, _ := targettest.Open(t, server.URL("nowhere5"))
	if err := nothing.Undo(t.Context()); err != target.ErrNothingToUndo {
		t.Errorf("undo gives %v", err)
	}
}

// TestPostgresDiskFull loads into a server whose disk is too small.
func TestPostgresDiskFull(t *testing.T) {
	dir, err := os.MkdirTemp("", "target-full-")
	targettest.Must(t, err)
	defer os.RemoveAll(dir)
	unmount, err := testserver.SmallDisk(dir, "100m,mode=0755")
	targettest.Must(t, err)
	defer unmount()
	server, err := testserver.Postgres(dir, "max_wal_size=16MB", "min_wal_size=8MB", "wal_level=minimal", "max_wal_senders=0")
	targettest.Must(t, err)
	defer server.Stop()
	targettest.Must(t, server.Exec("postgres", "CREATE DATABASE site"))
	targettest.Must(t, server.Exec("site", "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)"))
	old := targettest.ContentPG(t, server, "site")
	db, _ := targettest.Open(t, server.URL("site"))
	// wal_level=minimal and a table made in the same transaction: the log does not fill the disk, and
	// with it the server.
	rows := strings.NewReader("BEGIN;\nCREATE TABLE t (v text);\nCOPY t FROM stdin;\n" + strings.Repeat(strings.Repeat("x", 1000)+"\n", 100000) + "\\.\nCOMMIT;\n")
	targettest.WantNoSpace(t, db, rows, sqltext.Postgres)
	if diff := cmp.Diff(old, targettest.ContentPG(t, server, "site")); diff != "" {
		t.Errorf("the database has changed (-want +got):\n%s", diff)
	}
	targettest.NoGarbagePG(t, server, "site")
}
