package engine

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// longTexts dumps a source and joins the parts of its long rows. No part may be longer than what is kept in memory.
func longTexts(t *testing.T, url string) *targettest.Texts {
	t.Helper()
	from, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, url)})
	chunks, open, parts := &targettest.Texts{}, false, 0
	read, _ := sourcetest.ChunksOf(t, from)
	for _, chunk := range read {
		if len(chunk.SQL) > 5*dump.ChunkBytes || chunk.Continued != open || chunk.Open && chunk.Rows > 0 {
			t.Fatalf("a chunk of %d bytes, open: %v, continued: %v, after an open one: %v", len(chunk.SQL), chunk.Open, chunk.Continued, open)
		}
		open = chunk.Open
		if !chunk.Continued {
			chunks.Add(chunk.Section, chunk.Table, chunk.Rows, string(chunk.SQL))
			continue
		}
		parts++
		last := len(chunks.Texts) - 1
		chunks.Texts[last] += string(chunk.SQL)
		chunks.Entries[last].Bytes += int64(len(chunk.SQL))
		chunks.Entries[last].Rows += chunk.Rows
	}
	if parts < 10 {
		t.Fatalf("the long rows come in %d parts", parts)
	}
	return chunks
}

// Rows that are too long for the memory go up and down in parts, between rows that are not.
func TestMySQLLongRows(t *testing.T) {
	server, err := testserver.MariaDB(filepath.Join(t.TempDir(), "mariadb"), "--max-allowed-packet=128M", "--innodb-log-file-size=256M")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	targettest.Must(t, server.Exec("CREATE DATABASE long_rows CHARSET utf8mb4", "CREATE DATABASE long_rows_copy CHARSET utf8mb4", "USE long_rows",
		"CREATE TABLE attachment (name varchar(20) PRIMARY KEY, content longblob, note longtext, old longtext CHARSET latin1, size int, at datetime, share double)",
		"INSERT INTO attachment VALUES ('a', 'x', 'y', 'z', 1, '2026-11-30 14:00:00', 0.1)",
		`INSERT INTO attachment SELECT 'b', REPEAT(UNHEX('00ff27220a0d5c1a41'), 3000000), REPEAT('it''s \\\\ é', 10), NULL, -2, NULL, 1e300`,
		`INSERT INTO attachment SELECT 'c', NULL, REPEAT('ü\'\\\n', 5000000), REPEAT('ä', 5000000), 3, '2026-11-30', NULL`,
		"INSERT INTO attachment VALUES ('d', NULL, NULL, '', 4, NULL, -0e0)",
		`INSERT INTO attachment SELECT 'e', REPEAT('\\', 20000000), NULL, NULL, 5, NULL, NULL`,
		"CREATE TABLE other (id int PRIMARY KEY)", "INSERT INTO other VALUES (1), (2)"))
	chunks := longTexts(t, server.URL("long_rows"))
	db, notes := targettest.Open(t, server.URL("long_rows_copy"))
	_, err = targettest.PullChunks(t, db, chunks)
	targettest.Must(t, err)
	if len(notes.Lines) > 0 {
		t.Error(notes.Lines)
	}
	want, err := server.Checksums("long_rows")
	targettest.Must(t, err)
	got, err := server.Checksums("long_rows_copy")
	targettest.Must(t, err)
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 2 {
		t.Errorf("checksums (-source +copy):\n%s", diff)
	}

	// The same from another tool, as one text.
	text := targettest.Command(t, "mariadb-dump", "--no-defaults", "--user=root", "--socket="+server.Socket, "--max-allowed-packet=256M", "long_rows")
	targettest.Must(t, targettest.Pull(t, db, text))
	if got, err = server.Checksums("long_rows_copy"); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("from mariadb-dump: %v\n%s", err, cmp.Diff(want, got))
	}

	// What the server does not take is refused by its length, and the connection is not used again.
	targettest.Must(t, server.Exec("SET GLOBAL max_allowed_packet = 33554432"))
	_, err = targettest.PullChunks(t, db, chunks)
	if want := "a row of table attachment takes 4"; err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "max_allowed_packet is 33554432") {
		t.Errorf("got %v, want %s…", err, want)
	}
	if got, err = server.Checksums("long_rows_copy"); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("after a refusal: %v\n%s", err, cmp.Diff(want, got))
	}
}

func TestPostgresLongRows(t *testing.T) {
	server := targettest.PostgresServer(t)
	for _, name := range []string{"long_rows", "long_rows_copy"} {
		targettest.Must(t, server.Exec("postgres", "DROP DATABASE IF EXISTS "+name))
		targettest.Must(t, server.Exec("postgres", "CREATE DATABASE "+name))
	}
	targettest.Must(t, server.Exec("long_rows",
		"CREATE FUNCTION fits(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
		"CREATE TABLE attachment (id serial PRIMARY KEY, name text, content bytea, note text CONSTRAINT fitting CHECK (fits(note)))",
		"INSERT INTO attachment (name, content, note) VALUES ('a', 'x', E'y\\t')",
		"INSERT INTO attachment (name, content, note) SELECT 'b', decode(repeat('00ff27220a0d5c1a', 3000000), 'hex'), 'z'",
		"INSERT INTO attachment (name, content, note) SELECT 'c', NULL, repeat(E'line\\n\\\\.\\n\\t', 4000000)",
		"INSERT INTO attachment (name, content, note) VALUES ('d', NULL, NULL)",
		"CREATE TABLE other (id int PRIMARY KEY)", "INSERT INTO other VALUES (1), (2)",
		"CREATE OR REPLACE FUNCTION fits(text) RETURNS boolean LANGUAGE sql AS 'SELECT length($1) < 100'")) // the rows violate it now
	chunks := longTexts(t, server.URL("long_rows"))
	db, said := targettest.Open(t, server.URL("long_rows_copy"))
	_, err := targettest.PullChunks(t, db, chunks)
	targettest.Must(t, err)
	if diff := cmp.Diff([]string{"constraint fitting of table public.attachment is left unvalidated: some rows of the dump violate it"}, said.Lines); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	for _, query := range []string{
		"SELECT count(*), sum(hashtextextended(t::text, 0)), sum(length(content)), sum(length(note)) FROM attachment t",
		"SELECT count(*), sum(id) FROM other", "SELECT last_value, is_called FROM attachment_id_seq",
	} {
		want, err := server.Query("long_rows", query)
		targettest.Must(t, err)
		got, err := server.Query("long_rows_copy", query)
		targettest.Must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-source +copy):\n%s", query, diff)
		}
	}
}
