// Package sourcetest has helpers for the tests of packages that read staging databases.
package sourcetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// The first test that needs a server starts it, and all tests share it.
var (
	ServersDir string
	Certs      = sync.OnceValues(func() (*testserver.Certs, error) {
		return testserver.NewCerts(filepath.Join(ServersDir, "certs"))
	})
	mariaDBServer = sync.OnceValues(func() (*testserver.MySQL, error) {
		c, err := Certs()
		if err != nil {
			return nil, err
		}
		server, err := testserver.MariaDB(filepath.Join(ServersDir, "mariadb"), c.MariaDBOptions()...)
		if err == nil {
			err = server.Exec(shopMySQL...)
		}
		return server, err
	})
	postgresServer = sync.OnceValues(func() (*testserver.PG, error) {
		c, err := Certs()
		if err != nil {
			return nil, err
		}
		server, err := testserver.Postgres(filepath.Join(ServersDir, "postgres"), c.PostgresOptions()...)
		if err == nil {
			err = server.Exec("postgres", `CREATE DATABASE shop`)
		}
		if err == nil {
			err = server.Exec("shop", shopPostgres...)
		}
		return server, err
	})
)

// OpenSource opens a source in the tests of the current package.
var OpenSource func(context.Context, source.Config) (*source.Source, error)

// Run runs the tests of a package, which open their sources with open, and stops their servers.
func Run(m *testing.M, open func(context.Context, source.Config) (*source.Source, error)) {
	SetUp(open)
	code := m.Run()
	TearDown()
	os.Exit(code)
}

// SetUp prepares for tests that open their sources with open.
func SetUp(open func(context.Context, source.Config) (*source.Source, error)) {
	OpenSource = open
	var err error
	if ServersDir, err = os.MkdirTemp("", "source-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TearDown stops the servers of the tests.
func TearDown() {
	stopServers()
	_ = os.RemoveAll(ServersDir)
}

// started holds what TearDown has to stop.
var started struct {
	sync.Mutex
	stops []func()
}

func stopServers() {
	for _, stop := range started.stops {
		stop()
	}
}

// MariaDB returns the server that the tests of a package share.
func MariaDB(t *testing.T) *testserver.MySQL {
	t.Helper()
	server, err := mariaDBServer()
	if err != nil {
		t.Fatal(err)
	}
	RememberStop(server.Kill)
	return server
}

// PostgreSQL returns the server that the tests of a package share.
func PostgreSQL(t *testing.T) *testserver.PG {
	t.Helper()
	server, err := postgresServer()
	if err != nil {
		t.Fatal(err)
	}
	RememberStop(server.Kill)
	return server
}

// RememberStop registers a function for TearDown to call.
func RememberStop(stop func()) {
	started.Lock()
	defer started.Unlock()
	started.stops = append(started.stops, stop)
}

// shopMySQL creates a database with one of everything that a dump can hold.
var shopMySQL = []string{
	"CREATE DATABASE shop", "USE shop",
	"CREATE TABLE node (id INT PRIMARY KEY, title VARCHAR(255), body LONGTEXT, image BLOB)",
	"INSERT INTO node SELECT seq, CONCAT('Täst 😀 ', seq), REPEAT('It''s; -- a body ', 200), UNHEX(SHA2(seq, 512)) FROM seq_1_to_2000",
	"CREATE TABLE cache_page (cid VARCHAR(255) PRIMARY KEY, data LONGBLOB)",
	"INSERT INTO cache_page SELECT seq, 'secret of a session' FROM seq_1_to_100",
	"CREATE TABLE sessions (sid VARCHAR(128) PRIMARY KEY, uid INT, FOREIGN KEY (uid) REFERENCES node (id))",
	"INSERT INTO sessions SELECT SHA1(seq), seq FROM seq_1_to_100",
	"CREATE TABLE old_backup (id INT)",
	"INSERT INTO old_backup VALUES (1)",
	"CREATE TRIGGER cache_guard BEFORE INSERT ON cache_page FOR EACH ROW SET NEW.cid = TRIM(NEW.cid)",
	"CREATE VIEW recent AS SELECT n.id, COUNT(s.sid) AS visits FROM node n LEFT JOIN sessions s ON s.uid = n.id GROUP BY n.id",
	"CREATE FUNCTION answer() RETURNS INT DETERMINISTIC RETURN 42",
	"CREATE EVENT cleanup ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM cache_page",
	"CREATE DATABASE empty",
}

// Account creates a user with the given privileges and drops it after the test.
func Account(t *testing.T, name, password string, grants ...string) {
	t.Helper()
	statements := []string{fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY %s", name, mysql.QuoteText(strings.ReplaceAll(password, `\`, `\\`)))}
	for _, grant := range grants {
		statements = append(statements, fmt.Sprintf("GRANT %s TO '%s'@'%%'", grant, name))
	}
	if err := MariaDB(t).Exec(statements...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = MariaDB(t).Exec(fmt.Sprintf("DROP USER '%s'@'%%'", name)) })
}

// ParseURL parses the address of a database.
func ParseURL(t *testing.T, text string) *dburl.URL {
	t.Helper()
	url, err := dburl.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &url
}

// Open opens a source and collects its notes.
func Open(t *testing.T, config source.Config) (*source.Source, *[]string) {
	t.Helper()
	notes := Collect(&config)
	source, err := OpenSource(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	return source, notes
}

// Collect collects the notes of a source.
func Collect(config *source.Config) *[]string {
	notes := &[]string{}
	config.Note = func(note string) { *notes = append(*notes, note) }
	return notes
}

// OpenError opens a source, which must fail, and returns the error.
func OpenError(t *testing.T, config source.Config) error {
	t.Helper()
	source, err := OpenSource(t.Context(), config)
	if err == nil {
		_ = source.Close()
		t.Fatal("the source opened")
	}
	return err
}

// DumpText dumps a source to the end.
func DumpText(t *testing.T, source *source.Source) string {
	t.Helper()
	dump, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := ReadText(t.Context(), dump)
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Close(); err != nil {
		t.Fatal(err)
	}
	return text
}

// ReadText reads a dump to its end, whether it comes as text or in chunks.
func ReadText(ctx context.Context, d *source.Dump) (string, error) {
	var text bytes.Buffer
	if !d.Chunked() {
		_, err := text.ReadFrom(d)
		return text.String(), err
	}
	var mutex sync.Mutex
	err := d.WriteChunks(ctx, func(chunk dump.Chunk) ([]byte, error) {
		mutex.Lock()
		defer mutex.Unlock()
		text.Write(chunk.SQL)
		return chunk.SQL[:0], nil
	})
	return text.String(), err
}

// Expect checks that a text contains words. A word after "!" must not be in it.
func Expect(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if unwanted, not := strings.CutPrefix(word, "!"); not {
			if strings.Contains(text, unwanted) {
				t.Errorf("%q is in:\n%s", unwanted, Abbreviate(text))
			}
		} else if !strings.Contains(text, word) {
			t.Errorf("%q is not in:\n%s", word, Abbreviate(text))
		}
	}
}

// Abbreviate shortens a text for a message.
func Abbreviate(text string) string {
	if len(text) > 4000 {
		return text[:2000] + "\n…\n" + text[len(text)-2000:]
	}
	return text
}

// ExpectError checks the kind of an error and what it says.
func ExpectError(t *testing.T, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v is not %q", err, kind)
	}
	if err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("error %q does not say %q", err, text)
	}
}

// RestoreMySQL loads a dump into a new database of the shared server, with the plain client.
func RestoreMySQL(t *testing.T, database, text string) {
	t.Helper()
	server := MariaDB(t)
	if err := server.Exec("DROP DATABASE IF EXISTS "+database, "CREATE DATABASE "+database); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mariadb", "--no-defaults", "--skip-ssl", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprintf("--port=%d", server.Port), "--user=root", database)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("restore: %v: %s", err, out)
	}
}

// Hang reads the first bytes of a dump and leaves its client blocked on the rest, which fits into no buffer.
func Hang(t *testing.T, dump *source.Dump) {
	t.Helper()
	if _, err := io.ReadFull(dump, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
}

// Rest reads the rest of a dump and returns the error that ends it.
func Rest(dump *source.Dump) error {
	_, err := io.Copy(io.Discard, dump)
	return err
}

// process is the program that prints a dump.
type process interface{ PID() int }

// ChildOf returns the process ID of the client that prints a dump.
func ChildOf(t *testing.T, dump *source.Dump) int {
	t.Helper()
	for _, closer := range dump.Closers {
		if c, ok := closer.(process); ok {
			return c.PID()
		}
	}
	t.Fatal("the dump has no process")
	return 0
}

// ExpectNoProcess checks that no process of a group is left.
func ExpectNoProcess(t *testing.T, group int) {
	t.Helper()
	pid := fmt.Sprint(group)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		// pid (name) state parent group …
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if string(fields[2]) == pid && string(fields[0]) != "Z" {
			t.Errorf("a process is left: %s", text)
		}
	}
}

// shopPostgres creates the same for PostgreSQL, with two schemas, a partitioned table and a large object.
var shopPostgres = []string{
	`CREATE TABLE node (id serial PRIMARY KEY, title text, body text)`,
	`INSERT INTO node (title, body) SELECT 'Täst 😀 ' || i, repeat('It''s; -- a body ', 200) FROM generate_series(1, 2000) i`,
	`CREATE TABLE cache_page (cid text PRIMARY KEY, data text)`,
	`INSERT INTO cache_page SELECT i, 'secret of a session' FROM generate_series(1, 100) i`,
	`CREATE TABLE "Odd.""Name*" (v text)`,
	`INSERT INTO "Odd.""Name*" VALUES ('odd value')`,
	`CREATE TABLE "odd.""name*x" (v text)`,
	`INSERT INTO "odd.""name*x" VALUES ('kept value')`,
	`CREATE SCHEMA audit`,
	`CREATE TABLE audit.log (at date, what text) PARTITION BY RANGE (at)`,
	`CREATE TABLE audit.log_2025 PARTITION OF audit.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`,
	`INSERT INTO audit.log VALUES ('2025-06-01', 'logged thing')`,
	`CREATE TABLE audit.old (id int)`,
	`CREATE VIEW recent AS SELECT id, title FROM node`,
	`SELECT lo_from_bytea(0, 'large thing')`,
}
