package read

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestPostgresReaders(t *testing.T) {
	for name, test := range map[string]struct {
		wanted int
		limits serverLimits
		want   int
	}{
		"as wanted":                         {8, serverLimits{all: 100, reserved: 3, used: 10, roleLimit: -1, databaseLimit: -1}, 8},
		"as this machine has use for":       {0, serverLimits{all: 100, reserved: 3, used: 10, roleLimit: -1, databaseLimit: -1}, source.UsefulReaders(runtime.NumCPU())},
		"a quarter of what is free":         {8, serverLimits{all: 30, reserved: 3, used: 7, roleLimit: -1, databaseLimit: -1}, 3},
		"a server at its limit":             {8, serverLimits{all: 20, reserved: 3, used: 17, roleLimit: -1, databaseLimit: -1}, 1},
		"a server beyond its limit":         {8, serverLimits{all: 20, reserved: 3, used: 19, roleLimit: -1, databaseLimit: -1}, 1},
		"what the role may have":            {8, serverLimits{all: 100, reserved: 3, used: 10, roleLimit: 4, databaseLimit: -1}, 2},
		"what the role has left":            {8, serverLimits{all: 100, reserved: 3, used: 10, roleLimit: 6, roleUsed: 3, databaseLimit: -1}, 1},
		"a role with one connection":        {8, serverLimits{all: 100, reserved: 3, used: 10, roleLimit: 1, databaseLimit: -1}, 1},
		"what the database may have":        {8, serverLimits{all: 100, reserved: 3, used: 10, roleLimit: -1, databaseLimit: 12, databaseUsed: 7}, 3},
		"one is wanted":                     {1, serverLimits{all: 100, reserved: 3, used: 10, roleLimit: -1, databaseLimit: -1}, 1},
		"default on a server nearly full":   {0, serverLimits{all: 100, reserved: 3, used: 95, roleLimit: -1, databaseLimit: -1}, 1},
		"the lowest of several limits wins": {8, serverLimits{all: 100, reserved: 3, used: 50, roleLimit: 5, databaseLimit: 4}, 2},
	} {
		if got := test.limits.readers(test.wanted); got != test.want {
			t.Errorf("%s: %d readers, want %d", name, got, test.want)
		}
	}
}

func TestPostgresLimits(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	if err := server.Exec("shop", "CREATE ROLE limited LOGIN PASSWORD 'limited' CONNECTION LIMIT 4", "GRANT pg_read_all_data TO limited"); err != nil {
		t.Fatal(err)
	}
	// It has a database of its own: reading large objects would take another connection.
	freshPostgres(t, "limits", "CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int); CREATE TABLE d (id int); CREATE TABLE e (id int);")
	t.Cleanup(func() { _ = server.Exec("shop", "DROP OWNED BY limited", "DROP ROLE limited") })
	url := sourcetest.ParseURL(t, server.URLAs("limited", "limited", "limits"))
	src, _ := sourcetest.Open(t, source.Config{URL: url, Threads: 8})
	gone(t, "limits") // or the session that looked counts as well
	if _, dump := sourcetest.ChunksOf(t, src); dump.How != "one snapshot, read over 2 connections" {
		t.Errorf("how: %q", dump.How)
	}

	// More are wanted than the server still has, as if somebody had connected meanwhile.
	p := &Server{url: *url, config: source.Config{Threads: 1}}
	if _, err := p.Inspect(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := p.takeSnapshot(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.share(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if want := `one snapshot, read over 3 connections: the server refused more (too many connections for role "limited")`; s.how() != want {
		t.Errorf("how: %q", s.how())
	}
}

// If a snapshot cannot be shared, pg_dump makes the dump.
func TestPostgresSnapshotNotShared(t *testing.T) {
	freshPostgres(t, "alone", "CREATE TABLE t (v text); INSERT INTO t VALUES ('of alone'); REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC;")
	server := sourcetest.PostgreSQL(t)
	if err := server.Exec("alone", "CREATE ROLE alone LOGIN PASSWORD 'alone'", "GRANT pg_read_all_data TO alone"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Exec("alone", "DROP OWNED BY alone", "DROP ROLE alone") })
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URLAs("alone", "alone", "alone"))})
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	if want := "one snapshot, read over one connection: the server lets no other share it (permission denied for function pg_export_snapshot)"; dump.How != want {
		t.Errorf("how: %q", dump.How)
	}
	text, err := sourcetest.ReadText(t.Context(), dump)
	if err != nil || dump.Chunked() {
		t.Errorf("chunked %v, error %v", dump.Chunked(), err)
	}
	sourcetest.Expect(t, text, "of alone", "PostgreSQL database dump complete")
}

// sessions counts our connections to a database of the shared server.
func sessions(t *testing.T, database string) string {
	t.Helper()
	rows, err := sourcetest.PostgreSQL(t).Query("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dump-helper' AND datname = '"+database+"'")
	if err != nil {
		t.Fatal(err)
	}
	return rows[0][0]
}

const shelf = `CREATE TABLE shelf (id int, body text); ALTER TABLE shelf ALTER body SET STORAGE PLAIN;
	INSERT INTO shelf SELECT i, repeat('x', 5000) FROM generate_series(1, 2500) i;
	CREATE TABLE other (id int); INSERT INTO other VALUES (1);`

func TestPostgresCancelled(t *testing.T) {
	freshPostgres(t, "cancelled", shelf)
	inPieces(t, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	dump, ended, _ := sourcetest.Stuck(ctx, t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("cancelled")), Threads: 3})
	if n := sessions(t, "cancelled"); n < "3" {
		t.Errorf("%s sessions", n)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := dump.Close(); err != nil {
		t.Error(err)
	}
	gone(t, "cancelled")
}

// gone waits until the server has noticed that our connections have ended.
func gone(t *testing.T, database string) {
	t.Helper()
	for range 600 {
		if sessions(t, database) == "0" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s sessions are left", sessions(t, database))
}

func TestPostgresEmitFails(t *testing.T) {
	freshPostgres(t, "full", shelf)
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("full"))})
	full := errors.New("no space")
	for _, section := range []dump.Section{dump.Head, dump.Rows, dump.Tail} {
		d, err := source.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = d.WriteChunks(t.Context(), func(chunk dump.Chunk) ([]byte, error) {
			if chunk.Section == section {
				return nil, full
			}
			return nil, nil
		})
		if !errors.Is(err, full) || err.Error() != "no space" {
			t.Errorf("%s: error %v", section, err)
		}
		_ = d.Close()
	}
	gone(t, "full")
}

func TestPostgresConnectionsTerminated(t *testing.T) {
	freshPostgres(t, "terminated", shelf)
	inPieces(t, 1<<20)
	server := sourcetest.PostgreSQL(t)
	_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, server.URL("terminated")), Threads: 2})
	if err := server.Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'terminated' AND application_name = 'dump-helper'"); err != nil {
		t.Fatal(err)
	}
	goOn()
	sourcetest.ExpectError(t, <-ended, source.ErrConnectionLost, "terminating connection due to administrator command")
}

func TestPostgresPgDumpKilled(t *testing.T) {
	freshPostgres(t, "killed", shelf+`SELECT lo_from_bytea(0, decode(repeat('00', 20000000), 'hex'));`)
	dump, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("killed"))})
	defer goOn()
	// The tail is too long to be kept in memory, so its pg_dump waits.
	pid := 0
	for pid == 0 {
		pid = ownChild(t, "--section=data")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	goOn()
	var failed *source.ClientError
	if err := <-ended; !errors.As(err, &failed) || failed.Status != "killed by signal 9" || !strings.HasPrefix(failed.Client, "pg_dump ") {
		t.Errorf("error %v", err)
	}
	_ = dump.Close()
}

// ownChild returns the child process of this one with a word on its command line, 0 if there is none.
func ownChild(t *testing.T, word string) int {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if strings.Contains(string(text), word) && len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			return pid
		}
	}
	return 0
}

// After a table was rewritten, a snapshot that is older than its locks would see its rows neither before nor after.
func TestPostgresWaitsForChanges(t *testing.T) {
	freshPostgres(t, "changing", `CREATE TABLE changing (id int); INSERT INTO changing VALUES (1);`)
	server := sourcetest.PostgreSQL(t)
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("changing"))})
	conn, err := pgx.Connect(t.Context(), server.URL("changing"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.PgConn().Exec(t.Context(), "BEGIN; ALTER TABLE changing ALTER COLUMN id TYPE bigint").ReadAll(); err != nil {
		t.Fatal(err)
	}
	changed := make(chan error, 1)
	go func() {
		eventuallyWaits(t, server, "changing")
		_, err := conn.Exec(t.Context(), "COMMIT")
		changed <- err
	}()
	text, err := dumpInTries(t, source)
	if err != nil {
		t.Error(err)
	}
	sourcetest.Expect(t, text, "id bigint", "\n1\n\\.\n")
	if err := <-changed; err != nil {
		t.Error(err)
	}
}

// eventuallyWaits returns when a session of ours waits for a lock, or after a minute.
func eventuallyWaits(t *testing.T, server *testserver.PG, database string) {
	const query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if rows, err := server.Query("postgres", query+"'"+database+"'"); err != nil || len(rows) > 0 {
			return
		}
	}
	t.Error("nobody waits")
}

// Tables may come and go between Open and Dump.
func TestPostgresTablesComeAndGo(t *testing.T) {
	freshPostgres(t, "coming", `CREATE TABLE stays (id int); CREATE TABLE goes (id int);`)
	server := sourcetest.PostgreSQL(t)
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("coming"))})
	if err := server.Exec("coming", "CREATE TABLE comes (id int)", "INSERT INTO comes VALUES (42)", "DROP TABLE goes"); err != nil {
		t.Fatal(err)
	}
	chunks, _ := sourcetest.ChunksOf(t, source)
	sourcetest.Expect(t, sourcetest.Joined(chunks), "COPY public.comes (id) FROM stdin;\n42\n\\.\n", "!goes")
	var names []string
	for _, table := range source.Info().Tables {
		names = append(names, table.Name)
	}
	if want := []string{"public.comes", "public.stays"}; !slices.Equal(names, want) {
		t.Errorf("tables %q, want %q", names, want)
	}
}

func TestPostgresWaitsForALockInVain(t *testing.T) {
	freshPostgres(t, "held", shelf)
	server := sourcetest.PostgreSQL(t)
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("held"))})
	conn, err := pgx.Connect(t.Context(), server.URL("held"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.PgConn().Exec(t.Context(), "BEGIN; LOCK TABLE other").ReadAll(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		eventuallyWaits(t, server, "held")
		cancel()
	}()
	if _, err := source.Dump(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	gone(t, "held")
}

// A standby can be dumped, too. The dump notices what the standby cannot keep.
func TestPostgresStandby(t *testing.T) {
	inPieces(t, 1<<20)
	freshPostgres(t, "primary", shelf)
	primary := sourcetest.PostgreSQL(t)
	standby := startStandby(t, "max_standby_streaming_delay=0", "hot_standby_feedback=off")
	config := source.Config{URL: sourcetest.ParseURL(t, standby.URL("primary")), Threads: 3}
	src, _ := sourcetest.Open(t, config)
	chunks, dump := sourcetest.ChunksOf(t, src)
	if dump.How != "one snapshot, read over 3 connections" {
		t.Errorf("how: %q", dump.How)
	}
	expectRestored(t, "primary", sourcetest.Joined(chunks))

	// Emptying is noticed by the table's file, though no lock kept the standby from it.
	_, ended, goOn := sourcetest.Stuck(t.Context(), t, config)
	defer goOn()
	if err := primary.Exec("primary", "TRUNCATE shelf"); err != nil {
		t.Fatal(err)
	}
	eventually(t, standby, "primary", "SELECT count(*) = 0 FROM shelf")
	goOn()
	sourcetest.ExpectError(t, <-ended, source.ErrDefinitionChanged, "")

	// The rows of the snapshot go, and the standby ends its sessions.
	if err := primary.Exec("primary", "INSERT INTO shelf SELECT i, repeat('x', 5000) FROM generate_series(1, 2500) i"); err != nil {
		t.Fatal(err)
	}
	eventually(t, standby, "primary", "SELECT count(*) = 2500 FROM shelf")
	_, ended, goOn = sourcetest.Stuck(t.Context(), t, config)
	defer goOn()
	if err := primary.Exec("primary", "DELETE FROM shelf WHERE id % 2 = 0", "VACUUM shelf"); err != nil {
		t.Fatal(err)
	}
	eventually(t, standby, "primary", "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'primary' AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()")
	goOn()
	err := <-ended
	sourcetest.ExpectError(t, err, source.ErrDefinitionChanged, "")
	// A pg_dump that begins at that moment reports it in other words.
	if text := err.Error(); !strings.Contains(text, "conflict with recovery") && !strings.Contains(text, "invalid snapshot identifier") {
		t.Error(text)
	}
}

// eventually waits until a query returns true.
func eventually(t *testing.T, server *testserver.PG, database, query string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		rows, err := server.Query(database, query)
		if err != nil && !strings.Contains(err.Error(), "conflict with recovery") { // of a standby, whose time it is not yet
			t.Fatal(err)
		}
		if err == nil && (rows[0][0] == "true" || rows[0][0] == "t") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: in vain", query)
		}
	}
}

// These are the server's errors for a dump that cannot continue.
func TestPostgresExplainDump(t *testing.T) {
	p := &Server{url: *sourcetest.ParseURL(t, "postgres://reader@db.example.com/shop"), version: "15.18 (Debian)"}
	for _, test := range []struct {
		code, message string
		kind          error
		text          string
	}{
		{"40001", "canceling statement due to conflict with recovery", source.ErrDefinitionChanged,
			"read public.t: a table's definition changed during the dump: : canceling statement due to conflict with recovery (SQLSTATE 40001)"},
		{"42P01", `relation "public.t" does not exist`, source.ErrDefinitionChanged, ""},
		{"XX000", "could not open relation with OID 16400", source.ErrDefinitionChanged, ""},
		{"57P01", "terminating connection due to administrator command", source.ErrConnectionLost, ""},
		{"42501", "permission denied for table t", source.ErrPrivilege, ""},
		{"53300", "too many connections", source.ErrTooManyConnections, ""},
		{"XX001", "missing chunk number 0 for toast value 1", nil,
			"read public.t: PostgreSQL 15.18 failed (SQLSTATE XX001): missing chunk number 0 for toast value 1"},
	} {
		err := p.classifyDump("read public.t", &pgconn.PgError{Code: test.code, Message: test.message})
		if test.kind != nil && !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", test.code, err)
		}
	}
	lost := p.classifyDump("read public.t", io.ErrUnexpectedEOF)
	sourcetest.ExpectError(t, lost, source.ErrConnectionLost, "read public.t: source postgres://reader@db.example.com:5432/shop: connection lost: unexpected EOF")
}

func TestPostgresThroughSSHCut(t *testing.T) {
	freshPostgres(t, "cut", shelf)
	inPieces(t, 1<<20)
	server := sourcetest.OwnSSHD(t)
	sourcetest.Home(t, sourcetest.Identity(server), server)
	_, ended, goOn := sourcetest.Stuck(t.Context(), t, source.Config{URL: sourcetest.ParseURL(t, sourcetest.PostgreSQL(t).URL("cut")), SSH: server.Address(), Threads: 2})
	server.DropConnections()
	goOn()
	sourcetest.ExpectError(t, <-ended, source.ErrConnectionLost, server.Address())
}

func TestPostgresCutTables(t *testing.T) {
	big := &readTable{from: quotedRelation{quoted: "public.big"}, columns: "a, b", pages: 100, bytes: 3*pieceBytes + 5, heap: true}
	other := &readTable{from: quotedRelation{quoted: "public.other"}, columns: "a", pages: 100, bytes: 3 * pieceBytes}
	var statements []string
	for _, piece := range cutTables([]*readTable{big, other}, version.Version{Major: 14}) {
		statements = append(statements, piece.copyOut())
	}
	want := []string{
		"COPY (SELECT a, b FROM ONLY public.big WHERE ctid < '(32,0)') TO STDOUT",
		"COPY (SELECT a, b FROM ONLY public.big WHERE ctid >= '(32,0)' AND ctid < '(64,0)') TO STDOUT",
		"COPY (SELECT a, b FROM ONLY public.big WHERE ctid >= '(64,0)' AND ctid < '(96,0)') TO STDOUT",
		"COPY (SELECT a, b FROM ONLY public.big WHERE ctid >= '(96,0)') TO STDOUT",
		"COPY public.other (a) TO STDOUT",
	}
	if diff := cmp.Diff(want, statements); diff != "" {
		t.Error(diff)
	}
	if pieces := cutTables([]*readTable{big}, version.Version{Major: 13}); len(pieces) != 1 || pieces[0].copyOut() != "COPY public.big (a, b) TO STDOUT" {
		t.Errorf("an old server reads %v", pieces)
	}
	// Each range is read without the rest of the table.
	rows, err := sourcetest.PostgreSQL(t).Query("shop", "EXPLAIN SELECT id FROM ONLY public.node WHERE ctid >= '(3,0)' AND ctid < '(6,0)'")
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Expect(t, rows[0][0], "Tid Range Scan")
}
