package swap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// rowsPG takes the rows of tables, and where their sequences stand, out of what sortedPG gives.
func rowsPG(content string, tables, sequences []string) (rows map[string]string, rest string) {
	rows = map[string]string{}
	var others strings.Builder
	within := ""
	for line := range strings.Lines(content) {
		if after, is := strings.CutPrefix(line, "COPY "); is && within == "" {
			if name, _, _ := strings.Cut(after, " "); slices.Contains(tables, name) {
				within = name
			}
		}
		if after, is := strings.CutPrefix(line, "SELECT pg_catalog.setval('"); is {
			if name, _, _ := strings.Cut(after, "'"); slices.Contains(sequences, name) {
				rows[name] = line
				continue
			}
		}
		if within == "" {
			others.WriteString(line)
			continue
		}
		rows[within] += line
		if line == "\\.\n" {
			within = ""
		}
	}
	return rows, others.String()
}

// changedPG is what a site has done since it was fullPG.
var changedPG = []string{
	"INSERT INTO odd VALUES (9, 'mine'); INSERT INTO booking VALUES (9, '[1,2)', 'mine'); INSERT INTO egg VALUES (900, NULL); INSERT INTO hen VALUES (900, NULL)",
	"INSERT INTO log VALUES (900, '2026-02-02'); SELECT setval('numbered_id_seq', 1000), setval('steps', 500); DROP RULE lost ON numbered; INSERT INTO numbered (n) VALUES (77); CREATE RULE lost AS ON INSERT TO numbered DO INSTEAD NOTHING",
	"INSERT INTO parent (name) VALUES ('mine'); INSERT INTO seen VALUES (7); CREATE TABLE mine (id serial PRIMARY KEY); INSERT INTO mine DEFAULT VALUES",
	"CREATE VIEW my_view AS SELECT egg.id, n FROM egg, numbered; CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	"CREATE INDEX my_index ON odd (v); CREATE TRIGGER mine BEFORE TRUNCATE ON odd EXECUTE FUNCTION see(); ALTER TABLE log_26 ENABLE ALWAYS TRIGGER see",
	"SELECT lo_from_bytea(800001, 'my own'); ALTER TABLE log_25_1 DISABLE TRIGGER see",
}

func TestPostgresPart(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging40", fullPG...)
	targettest.FreshPG(t, server, "site40", append(slices.Clone(fullPG), changedPG...)...)
	targettest.Must(t, server.Exec("postgres", "ALTER DATABASE site40 SET work_mem TO '5MB'", "COMMENT ON DATABASE site40 IS 'it''s'"))
	tables := []string{"public.egg", "public.hen", "public.log", "public.log_25", "public.log_25_1", "public.log_25_rest", "public.log_26",
		"public.numbered", "public.odd", "public.booking", "public.empty", "public.no_such"}
	sequences := []string{"public.numbered_id_seq"}
	old := sortedPG(t, server, "site40")
	_, stays := rowsPG(old, tables, sequences)
	comes, _ := rowsPG(sortedPG(t, server, "staging40"), tables, sequences)
	db, said := targettest.OpenPart(t, server.URL("site40"), targettest.Only(tables...))
	targettest.Must(t, pullPart(t, server, db, "staging40", targettest.Only(tables...)))
	now := sortedPG(t, server, "site40")
	rows, rest := rowsPG(now, tables, sequences)
	if diff := cmp.Diff(comes, rows); diff != "" {
		t.Errorf("what comes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(stays, rest); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
	if len(rows) != 10 {
		t.Errorf("rows of %d tables and sequences", len(rows))
	}
	states := "SELECT (SELECT string_agg(tgrelid::regclass || tgenabled::text, ' ' ORDER BY tgrelid::regclass::text) FROM pg_trigger WHERE tgname = 'see')," +
		" (SELECT count(*) FROM pg_constraint WHERE NOT convalidated), (SELECT setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database())," +
		" (SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database())"
	got, err := server.Query("site40", states)
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"bookingD logO log_25O log_25_1D log_25_restO log_26A", "2", "{work_mem=5MB}", "it's"}}, got); diff != "" {
		t.Errorf("triggers, constraints, settings (-want +got):\n%s", diff)
	}
	targettest.NoGarbagePG(t, server, "site40")
	whole, _ := targettest.Open(t, server.URL("site40"))
	for _, want := range []string{old, now, old} {
		targettest.Must(t, whole.Undo(t.Context()))
		if diff := cmp.Diff(want, sortedPG(t, server, "site40")); diff != "" {
			t.Errorf("after undo (-want +got):\n%s", diff)
		}
	}
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
}

func TestPostgresStay(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging45", append(slices.Clone(fullPG), "CREATE TABLE comes (id int); INSERT INTO comes VALUES (1); UPDATE parent SET name = 'new'; CREATE VIEW their_view AS SELECT 1 AS one")...)
	targettest.FreshPG(t, server, "site45", append(slices.Clone(fullPG), changedPG...)...)
	targettest.Must(t, server.Exec("site45", "DROP TRIGGER mine ON odd", "SET DateStyle = 'German'; CREATE TABLE times (t timestamptz, d date, i interval, f float8)"))
	targettest.Must(t, server.Exec("staging45", "CREATE TABLE times (t timestamptz, d date, i interval, f float8)"))
	targettest.Must(t, server.Exec("site45", "INSERT INTO times VALUES ('2026-02-01 03:04:05.000006+02', '2026-02-01', '1 mon -2 days', 0.1::float4)", "ALTER DATABASE site45 SET DateStyle = 'German'",
		"ALTER DATABASE site45 SET IntervalStyle = 'iso_8601'", "ALTER DATABASE site45 SET extra_float_digits = -10"))
	stay := []string{"public.egg", "public.hen", "public.log", "public.log_25", "public.log_25_1", "public.log_25_rest", "public.log_26",
		"public.numbered", "public.odd", "public.booking", "public.empty", "public.nothing", "public.times", "public.no_such"}
	sequences := []string{"public.numbered_id_seq"}
	old := sortedPG(t, server, "site45")
	wanted, _ := rowsPG(old, stay, sequences)
	_, comes := rowsPG(sortedPG(t, server, "staging45"), stay, sequences)
	part := targettest.AllBut(stay...)
	db, said := targettest.OpenPart(t, server.URL("site45"), part)
	targettest.Must(t, pullPart(t, server, db, "staging45", part))
	now := sortedPG(t, server, "site45")
	rows, rest := rowsPG(now, stay, sequences)
	if diff := cmp.Diff(wanted, rows); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(comes, rest); diff != "" {
		t.Errorf("what comes (-want +got):\n%s", diff)
	}
	got, err := server.Query("site45", "SELECT (SELECT count(*) FROM hatched), (SELECT count(*) FROM seen), (SELECT count(*) FROM pg_index WHERE NOT indisvalid)")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"301", "0", "0"}}, got); diff != "" {
		t.Errorf("rows of a materialized view, rows seen by triggers, invalid indexes (-want +got):\n%s", diff)
	}
	targettest.NoGarbagePG(t, server, "site45")
	whole, _ := targettest.Open(t, server.URL("site45"))
	for _, want := range []string{old, now, old} {
		targettest.Must(t, whole.Undo(t.Context()))
		if diff := cmp.Diff(want, sortedPG(t, server, "site45")); diff != "" {
			t.Errorf("after undo (-want +got):\n%s", diff)
		}
	}
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
}

// pullPart pulls a part of a database of the server.
func pullPart(t *testing.T, server *testserver.PG, db target.Database, staging string, part target.Part) error {
	t.Helper()
	_, err := targettest.PullChunks(t, db, cutPG(t, server, staging, 40).Narrowed(part))
	return err
}

// TestPostgresPartContents looks at the record of what the database holds.
func TestPostgresPartContents(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging41", "CREATE TABLE a (id int); INSERT INTO a VALUES (1); CREATE TABLE b (id int)")
	for name, part := range map[string]target.Part{"only": targettest.Only("public.a"), "all but": targettest.AllBut("public.b")} {
		t.Run(name, func(t *testing.T) { partContents(t, server, part) })
	}
}

func partContents(t *testing.T, server *testserver.PG, part target.Part) {
	targettest.FreshPG(t, server, "site41", "CREATE TABLE a (id int); CREATE TABLE b (id int); INSERT INTO b VALUES (7)")
	db, _ := targettest.OpenPart(t, server.URL("site41"), part)
	targettest.Must(t, pullPart(t, server, db, "staging41", part))
	targettest.WantContents(t, db, "")
	whole, _ := targettest.Open(t, server.URL("site41"))
	targettest.Must(t, targettest.PullAs(t, whole, targettest.PgDump(t, server, "staging41"), targettest.DumpOf("first")))
	targettest.Must(t, server.Exec("site41", "DELETE FROM a"))
	targettest.Must(t, pullPart(t, server, db, "staging41", part))
	targettest.WantContents(t, db, "first")
	targettest.Must(t, whole.Undo(t.Context()))
	targettest.WantContents(t, db, "first")
	rows, err := server.Query("site41", "SELECT count(*) FROM a")
	targettest.Must(t, err)
	if rows[0][0] != "0" {
		t.Errorf("after undo there are %s rows", rows[0][0])
	}
}

// TestPostgresPartKeepsWrites pulls while a site writes. No row that the server has acknowledged is lost.
func TestPostgresPartKeepsWrites(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging42", "CREATE TABLE a (id int); INSERT INTO a SELECT generate_series(1, 1000); CREATE TABLE visits (who int, n int)")
	targettest.FreshPG(t, server, "site42", "CREATE TABLE a (id int); CREATE TABLE visits (who int, n int)")
	ctx, stop := context.WithCancel(t.Context())
	acknowledged := make([]int, 6)
	var visits atomic.Int64 // all of them
	var sites sync.WaitGroup
	for who := range acknowledged {
		sites.Go(func() {
			for ctx.Err() == nil {
				conn, err := pgconn.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=site42 sslmode=disable", server.Port))
				if err != nil {
					continue
				}
				for range 3 { // then it connects again
					next := acknowledged[who] + 1
					if _, err = conn.Exec(context.Background(), fmt.Sprintf("INSERT INTO visits VALUES (%d, %d)", who, next)).ReadAll(); err != nil {
						break
					}
					acknowledged[who] = next
					visits.Add(1)
				}
				_ = conn.Close(context.Background())
			}
		})
	}
	for _, part := range []target.Part{targettest.Only("public.a"), targettest.AllBut("public.visits"), targettest.Only("public.a"), targettest.AllBut("public.visits")} {
		db, _ := targettest.OpenPart(t, server.URL("site42"), part)
		more, deadline := visits.Load()+15, time.Now().Add(2*time.Minute)
		for visits.Load() < more && time.Now().Before(deadline) { // the site is at work
			time.Sleep(5 * time.Millisecond)
		}
		targettest.Must(t, pullPart(t, server, db, "staging42", part))
	}
	stop()
	sites.Wait()
	total := 0
	for who, want := range acknowledged {
		rows, err := server.Query("site42", fmt.Sprintf("SELECT count(DISTINCT n) FROM visits WHERE who = %d AND n <= %d", who, want))
		targettest.Must(t, err)
		if rows[0][0] != fmt.Sprint(want) {
			t.Errorf("of %d visits of site %d %s are there", want, who, rows[0][0])
		}
		total += want
	}
	if total < 50 {
		t.Errorf("only %d visits", total)
	}
	targettest.NoGarbagePG(t, server, "site42")
}

// TestPostgresPartOwner pulls parts as a role that owns the database and may create others, and nothing more.
func TestPostgresPartOwner(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging47", "CREATE TABLE a (id serial PRIMARY KEY, a int REFERENCES a); INSERT INTO a (a) SELECT 3 - i FROM generate_series(1, 2) i; CREATE TABLE b (id int)")
	targettest.FreshPG(t, server, "site47", "SELECT 1")
	targettest.Must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE tenant LOGIN CREATEDB PASSWORD 'pw'; EXCEPTION WHEN duplicate_object THEN NULL; END $$", "ALTER DATABASE site47 OWNER TO tenant"))
	targettest.Must(t, server.Exec("site47", "SET ROLE tenant; CREATE TABLE a (id serial PRIMARY KEY, a int REFERENCES a); CREATE TABLE b (id int); INSERT INTO b VALUES (7);"+
		" CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER never BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION never()"))
	for _, part := range []target.Part{targettest.Only("public.a"), targettest.AllBut("public.b")} {
		db, _ := targettest.OpenPart(t, server.URLAs("tenant", "pw", "site47"), part)
		targettest.Must(t, pullPart(t, server, db, "staging47", part))
		rows, err := server.Query("site47", "SELECT (SELECT count(*) FROM a), (SELECT id FROM b), nextval('a_id_seq'), (SELECT rolname FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = 'site47')")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"2", "7", "3", "tenant"}}, rows); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestPostgresPartBusy has others come while tables are replaced.
func TestPostgresPartBusy(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site46", "CREATE TABLE a (id int)")
	part := targettest.Only("public.a")
	db, _ := targettest.OpenPart(t, server.URL("site46"), part)
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	defer func(timeout time.Duration) { session.ConnectTimeout = timeout }(session.ConnectTimeout)
	session.ConnectTimeout = 5 * time.Second
	var group sync.WaitGroup
	group.Go(func() {
		_, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("site46")), Part: part})
		wantRunning(t, err)
	})
	group.Go(func() {
		_, err := db.Contents(t.Context())
		wantRunning(t, err)
	})
	group.Wait()
	targettest.Must(t, load.Discard())
	targettest.WantContents(t, db, "")
	targettest.NoGarbagePG(t, server, "site46")
}

func wantRunning(t *testing.T, err error) {
	t.Helper()
	var busy *target.BusyError
	if !errors.As(err, &busy) || !busy.Running || !strings.Contains(err.Error(), " of postgres from 127.0.0.1") {
		t.Errorf("got %v", err)
	}
}

// TestPostgresPartKilled pulls a part with a helper that is killed at every step in turn. The site goes on at once.
func TestPostgresPartKilled(t *testing.T) {
	server := targettest.PostgresServer(t)
	state := func(generation string) []string {
		return []string{"CREATE TABLE t (v text)", "INSERT INTO t VALUES ('" + generation + "')", "CREATE TABLE stays (v text)", "INSERT INTO stays VALUES ('" + generation + "')"}
	}
	targettest.FreshPG(t, server, "staging43", state("new")...)
	targettest.FreshPG(t, server, "older43", state("old")...)
	older := targettest.PgDump(t, server, "older43")
	generation := func() string {
		t.Helper()
		rows, err := server.Query("site43", "SELECT (SELECT string_agg(v, ',') FROM t) || ' ' || (SELECT string_agg(v, ',') FROM stays)")
		targettest.Must(t, err)
		return rows[0][0]
	}
	previous := map[string]string{"new old": "old old", "old old": "oldest oldest"}
	for name, part := range map[string]target.Part{"public.t": targettest.Only("public.t"), "!public.stays": targettest.AllBut("public.stays")} {
		t.Setenv(targettest.ChildPart, name)
		chunks := cutPG(t, server, "staging43", 40).Narrowed(part)
		text, err := json.Marshal(map[string]any{"List": chunks.Entries, "Texts": chunks.Texts})
		targettest.Must(t, err)
		dump := filepath.Join(t.TempDir(), "dump.json")
		targettest.Must(t, os.WriteFile(dump, text, 0o600))
		wentOn := map[string]int{}
		for step := -1; ; step++ { // -1 and 0: while it loads, and never
			targettest.FreshPG(t, server, "site43", state("oldest")...)
			db, _ := targettest.Open(t, server.URL("site43"))
			targettest.Must(t, targettest.PullAs(t, db, older, targettest.DumpOf("old")))
			finished := targettest.RunChild(t, server.URL("site43"), dump, step)
			atOnce := generation()
			targettest.Must(t, db.Recover(t.Context()))
			targettest.NoGarbagePG(t, server, "site43")
			now := generation()
			wentOn[now]++
			if previous[now] == "" || now != atOnce {
				t.Fatalf("killed at step %d: %s at once, then %s", step, atOnce, now)
			}
			targettest.WantContents(t, db, "old")
			targettest.Must(t, db.Undo(t.Context()))
			if got := generation(); got != previous[now] {
				t.Fatalf("killed at step %d, then undone from %s: %s", step, now, got)
			}
			if finished && step > 0 {
				break
			}
		}
		if wentOn["old old"] < 6 || wentOn["new old"] < 2 {
			t.Errorf("too few steps: %v", wentOn)
		}
	}
}

func TestPostgresPartRefused(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging44", "CREATE TABLE page (id serial PRIMARY KEY, title text); INSERT INTO page (title) VALUES ('x'), ('anna@x.eu'); CREATE TABLE child (page int); INSERT INTO child VALUES (1), (2), (3)",
		"CREATE TABLE parted (id int) PARTITION BY LIST (id); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1); CREATE TABLE flat (id int)")
	dump := cutPG(t, server, "staging44", 40)
	page := "CREATE TABLE page (id serial PRIMARY KEY, title text); INSERT INTO page (title) VALUES ('mine');"
	for name, test := range map[string]struct{ site, tables, want string }{
		"missing":           {"CREATE TABLE child (page int)", "page,child", "table public.page differs between the dump and the local database: it is missing locally"},
		"column missing":    {"CREATE TABLE page (id serial PRIMARY KEY)", "page", "table public.page differs between the dump and the local database: it has no column title locally, or a generated one"},
		"one more column":   {page + "ALTER TABLE page ADD x int", "page", "table public.page differs between the dump and the local database: it has a column x only locally"},
		"another type":      {"CREATE TABLE page (id serial PRIMARY KEY, title int)", "page", "table public.page differs between the dump and the local database: invalid input syntax for type integer"},
		"a check":           {page + "ALTER TABLE page ADD CHECK (title <> 'x')", "page", `table public.page differs between the dump and the local database: new row for relation "page" violates check constraint "page_title_check"`},
		"another sequence":  {"CREATE TABLE page (id int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME other), title text)", "page", "table public.page differs between the dump and the local database: sequence public.other, which belongs to it locally, is not in the dump"},
		"rows without key":  {page + "CREATE TABLE child (page int REFERENCES page)", "page,child", `table public.child differs between the dump and the local database: insert or update on table "child" violates foreign key constraint "child_page_fkey"`},
		"key from the rest": {page + "CREATE TABLE mine (page int REFERENCES page)", "page", "a foreign key of table public.mine, which would stay, refers to table public.page, which would be replaced"},
		"key to the rest":   {page + "CREATE TABLE child (page int REFERENCES page)", "child", "a foreign key of table public.child, which would be replaced, refers to table public.page, which would stay"},
		"key of an own one": {page + "CREATE TABLE mine (page int REFERENCES page)", "page,mine", "a foreign key of table public.mine, which would stay, refers to table public.page, which would be replaced"},
		"partitioned there": {"CREATE TABLE flat (id int) PARTITION BY LIST (id)", "flat", "table public.flat differs between the dump and the local database: it is partitioned locally only"},
		"partitioned here":  {"CREATE TABLE parted (id int)", "parted", "table public.parted differs between the dump and the local database: it is partitioned in the dump only"},
		"partition stays":   {"CREATE TABLE parted (id int) PARTITION BY LIST (id); CREATE TABLE parted_1 PARTITION OF parted DEFAULT", "parted", "table public.parted differs between the dump and the local database: its partition public.parted_1 would stay"},
		"stays, missing":    {page, "!child", "table public.child differs between the dump and the local database: it is missing locally"},
		"stays, own":        {page + "CREATE TABLE own (id int)", "!own", "table public.own differs between the dump and the local database: it is missing in the dump"},
		"stays, column":     {page + "CREATE TABLE child (page int, x int)", "!child", "table public.child differs between the dump and the local database: it has a column x only locally"},
		"stays, type":       {page + "CREATE TABLE child (page text); INSERT INTO child VALUES ('x')", "!child", "table public.child differs between the dump and the local database: invalid input syntax for type integer"},
		"stays, sequence":   {"CREATE TABLE page (id int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME other), title text)", "!page", "table public.page differs between the dump and the local database: sequence public.other, which belongs to it locally, is not in the dump"},
		"stays, key":        {page + "CREATE TABLE mine (page int REFERENCES page)", "!page", "a foreign key of table public.mine, which would be replaced, refers to table public.page, which would stay"},
	} {
		t.Run(name, func(t *testing.T) {
			targettest.FreshPG(t, server, "site44", test.site)
			old := sortedPG(t, server, "site44")
			var tables []string
			for table := range strings.SplitSeq(test.tables, ",") {
				tables = append(tables, "public."+table)
			}
			part := targettest.Only(tables...)
			if strings.HasPrefix(test.tables, "!") {
				tables[0] = strings.Replace(tables[0], "!", "", 1)
				part = targettest.AllBut(tables...)
			}
			db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("site44")), Part: part})
			if err == nil {
				_, err = targettest.PullChunks(t, db, dump.Narrowed(part))
			}
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if diff := cmp.Diff(old, sortedPG(t, server, "site44")); diff != "" {
				t.Errorf("the database has changed (-want +got):\n%s", diff)
			}
			targettest.NoGarbagePG(t, server, "site44")
		})
	}
	targettest.FreshPG(t, server, "site44")
	db, _ := targettest.OpenPart(t, server.URL("site44"), targettest.Only("public.page"))
	if _, err := db.Begin(t.Context()); !errors.Is(err, target.ErrNoDatabase) {
		t.Errorf("without a database: %v", err)
	}
}

// The first pull may skip tables, too: without those that the server does not take it is the only way.
func TestPostgresFirstPullSkips(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging66", "CREATE TABLE page (id serial PRIMARY KEY, name text); INSERT INTO page (name) VALUES ('a'), ('b')",
		"CREATE TABLE log (page int UNIQUE, line serial); INSERT INTO log VALUES (1), (2); CREATE VIEW lines AS SELECT count(*) AS n FROM log")
	part := targettest.AllBut("public.log", "public.no_such")
	const note = "this is the first pull: the tables that it skips stay empty: public.log"
	targettest.FreshPG(t, server, "site66")
	for _, state := range []string{"no database", "an empty database"} {
		if state == "an empty database" {
			targettest.Must(t, server.Exec("postgres", "DROP DATABASE site66", "CREATE DATABASE site66"))
		}
		db, said := targettest.OpenPart(t, server.URL("site66"), part)
		targettest.Must(t, pullPart(t, server, db, "staging66", part))
		got, err := server.Query("site66", "SELECT (SELECT count(*) FROM page), (SELECT n FROM lines), (SELECT count(*) FROM pg_index WHERE indrelid = 'log'::regclass)")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"2", "0", "1"}}, got); diff != "" {
			t.Errorf("%s: pages, lines, keys (-want +got):\n%s", state, diff)
		}
		if diff := cmp.Diff([]string{note}, said.Lines); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", state, diff)
		}
		contents, err := db.Contents(t.Context())
		targettest.Must(t, err)
		if contents.Dump.Key != "" {
			t.Errorf("%s: it is said to hold dump %q", state, contents.Dump.Key)
		}
	}
	// From then on they stay as they are.
	targettest.Must(t, server.Exec("site66", "INSERT INTO log VALUES (2)"))
	db, said := targettest.OpenPart(t, server.URL("site66"), part)
	targettest.Must(t, pullPart(t, server, db, "staging66", part))
	got, err := server.Query("site66", "SELECT page, line FROM log")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"2", "3"}}, got); diff != "" || len(said.Lines) > 0 {
		t.Errorf("notes %q, lines (-want +got):\n%s", said.Lines, diff)
	}
	targettest.NoGarbagePG(t, server, "site66")
}
