package read

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
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

// Everything that a MariaDB database can hold is in the database that is made of a dump of it, judged by CHECKSUM
// TABLE and by what mariadb-dump prints of both.
func TestMySQLFidelity(t *testing.T) {
	server := sourcetest.MariaDB(t)
	makeFidelity(t, server)
	judgeFidelity(t, server, server)
}

// A server's own settings change neither what is read nor what it means.
func TestMySQLFidelityHostileServer(t *testing.T) {
	hostile, err := testserver.MariaDB(t.TempDir(), "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH",
		"--character-set-server=latin1", "--collation-server=latin1_german1_ci", "--default-time-zone=+05:30", "--max-allowed-packet=2M",
		"--max-statement-time=1", "--lock-wait-timeout=1", "--explicit-defaults-for-timestamp=0", "--div-precision-increment=0", "--group-concat-max-len=4", "--sql-safe-updates=1")
	if err != nil {
		t.Fatal(err)
	}
	defer hostile.Kill()
	if err := hostile.Exec("SET GLOBAL sql_quote_show_create = 0, sql_select_limit = 2"); err != nil {
		t.Fatal(err)
	}
	makeFidelity(t, hostile)
	_, err = sourcetest.OpenSource(t.Context(), source.Config{URL: sourcetest.ParseURL(t, hostile.URL("fidelity")), Client: true})
	var setting *source.SettingError
	const want = "the server's setting sql_select_limit is 2, and the dump client obeys it"
	if !errors.As(err, &setting) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("the dump client: %v, want %s", err, want)
	}
	judgeFidelity(t, hostile, sourcetest.MariaDB(t))
}

// An event may hold what mariadb-dump ends events with. It has no judge then: mariadb-dump 10.11 never ends on such
// an event, since it looks for a longer delimiter and makes the room for it longer instead.
func TestMySQLEventWithDelimiter(t *testing.T) {
	server := sourcetest.MariaDB(t)
	const event = "CREATE EVENT `e;;` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO BEGIN SELECT ';;'; SELECT ';;;'; END"
	if err := server.Exec("DROP DATABASE IF EXISTS delimited", "CREATE DATABASE delimited", "USE delimited", "CREATE TABLE a (a INT)", event); err != nil {
		t.Fatal(err)
	}
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("delimited"))})
	restoreWithComments(t, server, "delimited_copy", chunkedText(t, source))
	const body = "SELECT EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = "
	want, err := server.Query(body + "'delimited'")
	if err != nil {
		t.Fatal(err)
	}
	got, err := server.Query(body + "'delimited_copy'")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 1 {
		t.Errorf("%d events, %s", len(got), diff)
	}
}

// makeFidelity makes a database of all cases.
func makeFidelity(t *testing.T, server *testserver.MySQL) {
	t.Helper()
	statements := []string{"DROP DATABASE IF EXISTS fidelity", "CREATE DATABASE fidelity CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}
	if err := server.Exec(append(statements, "INSTALL SONAME 'ha_archive'", "INSTALL SONAME 'ha_blackhole'")...); err != nil && !strings.Contains(err.Error(), "already") {
		t.Fatal(err)
	}
	session := []string{
		"SET SESSION sql_mode = '', time_zone = '+00:00', max_statement_time = 0, sql_select_limit = DEFAULT, sql_safe_updates = 0, sql_quote_show_create = 1, default_storage_engine = InnoDB",
		"SET SESSION div_precision_increment = 4, group_concat_max_len = 1048576", "SET NAMES utf8mb4", "USE fidelity",
	}
	for _, c := range fidelityCases {
		if err := server.Exec(append(slices.Clone(session), c.make...)...); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// judgeFidelity dumps the database, loads it beside and compares.
func judgeFidelity(t *testing.T, from, to *testserver.MySQL) {
	t.Helper()
	source, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, from.URL("fidelity")), Threads: 3})
	text := chunkedText(t, source)
	// The judges make sessions of their own, which obey it.
	if err := from.Exec("SET GLOBAL sql_select_limit = DEFAULT, sql_quote_show_create = 1, max_statement_time = 0"); err != nil {
		t.Fatal(err)
	}
	restoreWithComments(t, to, "fidelity_copy", text)

	unsummed := map[string]bool{}
	for _, c := range fidelityCases {
		for _, table := range c.unsummed {
			unsummed[table] = true
		}
	}
	want, err := from.Checksums("fidelity")
	if err != nil {
		t.Fatal(err)
	}
	got, err := to.Checksums("fidelity_copy")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range slices.Sorted(maps.Keys(want)) {
		if got[table] != want[table] && !unsummed[table] {
			t.Errorf("table %q: checksum %q, want %q", table, got[table], want[table])
		}
	}
	// Which no dump client shows.
	const references = "SELECT G_TABLE_NAME, G_GEOMETRY_COLUMN, SRID FROM information_schema.GEOMETRY_COLUMNS WHERE G_TABLE_SCHEMA = ? ORDER BY 1, 2"
	wanted, err := from.Query(references, "fidelity")
	if err != nil {
		t.Fatal(err)
	}
	had, err := to.Query(references, "fidelity_copy")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, had); diff != "" || len(wanted) < 3 {
		t.Errorf("systems of reference (-want +got):\n%s", diff)
	}
	compareDumps(t, clientDump(t, from, "fidelity"), clientDump(t, to, "fidelity_copy"))
}

// chunkedText gives a dump's text as a reader of the file sees it: the head, the rows, the tail.
func chunkedText(t *testing.T, source *source.Source) string {
	t.Helper()
	d, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var mutex sync.Mutex
	parts := map[dump.Section]*strings.Builder{dump.Head: {}, dump.Rows: {}, dump.Tail: {}}
	err = d.WriteChunks(t.Context(), func(chunk dump.Chunk) ([]byte, error) {
		mutex.Lock()
		defer mutex.Unlock()
		parts[chunk.Section].Write(chunk.SQL)
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return parts[dump.Head].String() + parts[dump.Rows].String() + parts[dump.Tail].String()
}

// restoreWithComments loads a dump with the plain client, which otherwise takes comments out of routines.
func restoreWithComments(t *testing.T, server *testserver.MySQL, database, text string) {
	t.Helper()
	if err := server.Exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mariadb", "--no-defaults", "--skip-ssl", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprintf("--port=%d", server.Port),
		"--user=root", "--comments", "--max-allowed-packet=64M", database)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("restore: %v: %s", err, sourcetest.Abbreviate(string(out)))
	}
}

// clientDump is the judge's view of a database.
func clientDump(t *testing.T, server *testserver.MySQL, database string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mariadb-dump", "--no-defaults", "--skip-ssl", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprintf("--port=%d", server.Port),
		"--user=root", "--skip-comments", "--skip-extended-insert", "--routines", "--events", "--triggers", "--hex-blob", "--dump-history", "--single-transaction", "--max-allowed-packet=64M", database)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("mariadb-dump of %s: %v: %s", database, err, complaint.String())
	}
	return strings.ReplaceAll(string(out), "`fidelity_copy`.", "`fidelity`.")
}

// beginnings are the lines with which a table or an object begins.
var beginnings = regexp.MustCompile(`(?m)^(?:DROP (?:TABLE|SEQUENCE) IF EXISTS |/\*!50003 SET @saved_cs_client      =|/\*!50001 DROP VIEW|/\*!50106 DROP EVENT|/\*!50003 DROP )`)

// compareDumps reports what differs, by table and object.
func compareDumps(t *testing.T, want, got string) {
	t.Helper()
	cut := func(text string) (parts []string) {
		at := 0
		for _, begin := range beginnings.FindAllStringIndex(text, -1) {
			parts = append(parts, text[at:begin[0]])
			at = begin[0]
		}
		return append(parts, text[at:])
	}
	wanted, had := cut(want), cut(got)
	if len(wanted) != len(had) {
		t.Errorf("%d tables and objects, want %d", len(had), len(wanted))
	}
	for i := range min(len(wanted), len(had)) {
		if wanted[i] != had[i] {
			t.Errorf("differs: %s", sourcetest.Abbreviate(cmp.Diff(strings.Split(wanted[i], "\n"), strings.Split(had[i], "\n"))))
		}
	}
}
