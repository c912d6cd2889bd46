package read

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// runClient runs a client of PostgreSQL's on a database of the shared server and gives what it prints.
func runClient(t *testing.T, database, input, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "PGHOST=127.0.0.1", fmt.Sprintf("PGPORT=%d", sourcetest.PostgreSQL(t).Port), "PGUSER=postgres",
		"PGDATABASE="+database, "PGOPTIONS=-c client_min_messages=error -c timezone=UTC -c bytea_output=hex -c statement_timeout=0")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", program, err, said.String())
	}
	return string(out)
}

// freshPostgres makes a database on the shared server, of statements as psql takes them.
func freshPostgres(t *testing.T, name, statements string) {
	t.Helper()
	server := sourcetest.PostgreSQL(t)
	if err := server.Exec("postgres", `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`, `CREATE DATABASE "`+name+`" TEMPLATE template0`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Exec("postgres", `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`) })
	runClient(t, name, statements, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
}

// judged is a database as pg_dump sees it, but for the order of rows.
func judged(t *testing.T, database string, options ...string) []string {
	t.Helper()
	options = append([]string{"--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions"}, options...)
	lines := strings.Split(runClient(t, database, "", "pg_dump", options...), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, restrict) || strings.HasPrefix(line, unrestrict)
	})
	slices.Sort(lines)
	return lines
}

// expectRestored checks that a dump's text makes, by psql, the database that it was made of.
func expectRestored(t *testing.T, database, text string, options ...string) {
	t.Helper()
	copied := database + " restored"
	freshPostgres(t, copied, text)
	if diff := cmp.Diff(judged(t, database, options...), judged(t, copied, options...)); diff != "" {
		t.Error(sourcetest.Abbreviate(diff))
	}
}

// describeObjects are the statements that make one of everything. They stand in the story that tells the same from
// end to end.
func describeObjects(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "tests", "stories", "testdata", "postgres-objects.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	_, statements, found := strings.Cut(string(text), "-- objects.sql --\n")
	if !found {
		t.Fatal("the story has no objects.sql")
	}
	return statements
}

func inPieces(t *testing.T, size int64) {
	t.Helper()
	before := pieceBytes
	pieceBytes = size
	t.Cleanup(func() { pieceBytes = before })
}

func TestPostgresEverything(t *testing.T) {
	inPieces(t, 64<<10)
	freshPostgres(t, "everything", describeObjects(t))
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("everything")), Threads: 3})
	chunks, d := sourcetest.ChunksOf(t, source)
	if d.How != "one snapshot, read over 3 connections" {
		t.Errorf("how: %q", d.How)
	}
	expectRestored(t, "everything", sourcetest.Joined(chunks))

	counted := map[string]int64{}
	for _, table := range source.Info().Tables {
		counted[table.Name] = 0
	}
	wide := 0
	for _, chunk := range chunks {
		if chunk.Section != dump.Rows {
			continue
		}
		if _, known := counted[chunk.Table]; !known {
			t.Errorf("a chunk is of %q, which is no table", chunk.Table)
		}
		counted[chunk.Table] += chunk.Rows
		if chunk.Table == "public.wide" {
			wide++
		}
		if len(chunk.SQL) > dump.ChunkBytes+dump.ChunkBytes/8 {
			t.Errorf("a chunk of %s has %d bytes", chunk.Table, len(chunk.SQL))
		}
	}
	if wide < 2 {
		t.Errorf("a large table came in %d chunks", wide)
	}
	for table, want := range map[string]int64{
		"public.everything": 4, "public.wide": 17143, "public.no columns": 3, "public.only_computed": 2, "public.no_columns_left": 2,
		"empty.empty": 0, "public.parent": 1, "public.of_both": 1, "parts.of_hash_0": 0, "public.by_mood_hash": 30, "parts.mood_0": 0,
		`"Odd.""Schema""".Odd."Table"`: 1, "public.new\nline": 1, "public.by_range": 0, "public.guarded": 2,
	} {
		if table != "parts.of_hash_0" && counted[table] != want {
			t.Errorf("%s has %d rows, want %d", table, counted[table], want)
		}
	}
	if n := counted["parts.of_hash_0"] + counted["parts.of_hash_1"]; n != 100 {
		t.Errorf("two partitions have %d rows", n)
	}
}

// The text is in a form that does not depend on how the database, or the role, is set, and no time-out that is meant
// for the site ends a dump that has to wait.
func TestPostgresOddSettings(t *testing.T) {
	freshPostgres(t, "odd_settings", `
		CREATE TABLE t (id int, f float8, r real, at timestamptz, d date, i interval, b bytea, m money, filler text);
		INSERT INTO t SELECT n, pi() * n, pi() * n, '2026-03-04 05:06:07.89+00'::timestamptz + n * interval '1 day', '2026-03-04', '-1 day 2 hours', '\x00ff', 12.34, repeat('x', 5000) FROM generate_series(1, 3000) n;
		CREATE SCHEMA other; CREATE TABLE other.t (v text); INSERT INTO other.t VALUES ('ä');`)
	before := judged(t, "odd_settings")
	const timeout = 700 * time.Millisecond
	var settings []string
	for _, setting := range []string{
		"datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'", "extra_float_digits = -5", "client_encoding = 'LATIN1'", "search_path = other",
		"timezone = 'Asia/Kathmandu'", "bytea_output = 'escape'", "default_transaction_isolation = 'read committed'", "quote_all_identifiers = on",
		"standard_conforming_strings = off", "default_transaction_read_only = on", "synchronize_seqscans = on", "row_security = on",
		"statement_timeout = '700ms'", "idle_in_transaction_session_timeout = '700ms'", "lock_timeout = '1ms'",
	} {
		settings = append(settings, "ALTER DATABASE odd_settings SET "+setting)
	}
	if err := sourcetest.PostgreSQL(t).Exec("postgres", settings...); err != nil {
		t.Fatal(err)
	}
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("odd_settings"))})
	chunks, _ := sourcetest.ChunksOf(t, source, func(chunk dump.Chunk) {
		if chunk.Section == dump.Head {
			time.Sleep(2 * timeout)
		}
	})
	freshPostgres(t, "plain_settings", sourcetest.Joined(chunks))
	if diff := cmp.Diff(before, judged(t, "plain_settings")); diff != "" {
		t.Error(sourcetest.Abbreviate(diff))
	}
}

// What an extension marks as its user's is dumped, within the filter that it gives.
func TestPostgresExtensionTables(t *testing.T) {
	const make = `CREATE TABLE configured (id int PRIMARY KEY, v text); CREATE TABLE configured_too (id int REFERENCES configured);`
	freshPostgres(t, "extended", `CREATE EXTENSION citext;`+make+`
		INSERT INTO configured VALUES (1, 'of the extension'), (2, 'of the user'); INSERT INTO configured_too VALUES (2);
		ALTER EXTENSION citext ADD TABLE configured; ALTER EXTENSION citext ADD TABLE configured_too;
		UPDATE pg_extension SET extconfig = ARRAY['configured'::regclass, 'configured_too'::regclass]::oid[], extcondition = ARRAY['WHERE id > 1', ''] WHERE extname = 'citext';
		CREATE TABLE own (v citext); INSERT INTO own VALUES ('Own');`)
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("extended"))})
	chunks, _ := sourcetest.ChunksOf(t, source)
	freshPostgres(t, "extended restored", make+`INSERT INTO configured VALUES (1, 'of the extension');`)
	runClient(t, "extended restored", sourcetest.Joined(chunks), "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
	rows, err := sourcetest.PostgreSQL(t).Query("extended restored", "SELECT * FROM configured NATURAL JOIN configured_too UNION ALL SELECT 0, v::text FROM own ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"0", "Own"}, {"2", "of the user"}}, rows); diff != "" {
		t.Error(diff)
	}
}

// Every row is of one moment, however many connections read while others write.
func TestPostgresOneMoment(t *testing.T) {
	inPieces(t, 64<<10)
	freshPostgres(t, "bank", `
		CREATE TABLE accounts (id int PRIMARY KEY, balance bigint, filler text);
		INSERT INTO accounts SELECT i, 1000, repeat('x', 300) FROM generate_series(1, 6000) i;
		CREATE TABLE safe (balance bigint); INSERT INTO safe VALUES (0);
		CREATE TABLE log_a (n int); CREATE TABLE log_b (n int);`)
	server := sourcetest.PostgreSQL(t)
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("bank")), Threads: 4})
	d, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	writing := writer(t, server)
	writing.moves(t, 3)
	var mutex sync.Mutex
	var text strings.Builder
	err = d.WriteChunks(t.Context(), func(chunk dump.Chunk) ([]byte, error) {
		writing.moves(t, 3) // something changes between any two chunks
		mutex.Lock()
		defer mutex.Unlock()
		text.Write(chunk.SQL)
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	writing.stop()
	freshPostgres(t, "bank restored", text.String())
	for _, database := range []string{"bank", "bank restored"} {
		rows, err := server.Query(database, "SELECT (SELECT sum(balance) FROM accounts) + (SELECT balance FROM safe), (SELECT count(*) FROM log_a) - (SELECT count(*) FROM log_b)")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(rows[0], " "); got != "6000000 0" {
			t.Errorf("%s: %s", database, got)
		}
	}
}

// writers moves money between tables, in one transaction each time.
type writers struct {
	end   chan struct{}
	done  chan error
	moved chan struct{}
	once  sync.Once
	t     *testing.T
}

func writer(t *testing.T, server *testserver.PG) *writers {
	w := &writers{end: make(chan struct{}), done: make(chan error, 1), moved: make(chan struct{}), t: t}
	go func() {
		for i := 0; ; i++ {
			err := server.Exec("bank", fmt.Sprintf(`UPDATE accounts SET balance = balance - 7 WHERE id %% 50 = %d; UPDATE safe SET balance = balance + 7 * 120;
				INSERT INTO log_a VALUES (%d); INSERT INTO log_b VALUES (%d)`, i%50, i, i))
			if err != nil {
				w.done <- err
				return
			}
			select {
			case <-w.end:
				w.done <- nil
				return
			case w.moved <- struct{}{}:
			}
		}
	}()
	t.Cleanup(w.stop)
	return w
}

// moves waits until money has been moved n times.
func (w *writers) moves(t *testing.T, n int) {
	for range n {
		select {
		case <-w.moved:
		case err := <-w.done:
			t.Error(err)
			w.done <- err
			return
		}
	}
}

func (w *writers) stop() {
	w.once.Do(func() {
		close(w.end)
		if err := <-w.done; err != nil {
			w.t.Error(err)
		}
	})
}
