// Package docs_test follows the documents: the privileges that they grant are sufficient and necessary, their tables
// agree with the program, their commands restore a dump, and their links lead somewhere.
package docs_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

const (
	bucket     = "my-dumps"
	password   = "a; pass'word" // replaces the … of the documents
	readme     = "../../README.md"
	staging    = "../../docs/staging.md"
	developers = "../../docs/developers.md"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(folder))
	}
	os.Exit(code)
}

// build compiles the program once.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "dump-docs-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "dump-helper")
	if output, err := exec.Command("go", "build", "-o", path, "../../helper").CombinedOutput(); err != nil {
		return path, fmt.Errorf("build dump-helper: %w\n%s", err, output)
	}
	return path, nil
})

// section returns the code blocks of a language below a heading, up to the next heading.
func section(t *testing.T, file, heading, language string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "# "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", file, heading)
	}
	if end := regexp.MustCompile(`(?m)^##+ `).FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(rest, -1) {
		blocks = append(blocks, match[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("section %q of %s has no block of %s", heading, file, language)
	}
	return blocks
}

// statements returns the statements of an SQL text, with a password instead of each ellipsis.
func statements(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		statement, _, _ := strings.Cut(line, ";")
		list = append(list, strings.ReplaceAll(statement, "…", strings.ReplaceAll(password, "'", "''")))
	}
	return list
}

// site is a project with settings in the environment.
type site struct {
	s3      *testserver.S3
	folder  string
	environ []string
}

func newSite(t *testing.T, s3 *testserver.S3, settings ...string) *site {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "shop")
	if err := os.MkdirAll(filepath.Join(folder, ".ddev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, ".ddev", "config.yaml"), []byte("name: shop\ntype: php\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	environ := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "AWS_") || strings.HasPrefix(entry, "DUMP_")
	})
	environ = append(environ, "DUMP_S3_BUCKET="+bucket, "DUMP_S3_ENDPOINT="+s3.Endpoint, "DUMP_S3_REGION="+s3.Region,
		"DUMP_S3_PATH_STYLE=true", "DUMP_CACHE_DIR="+t.TempDir())
	return &site{s3, folder, append(environ, settings...)}
}

// run runs the program with credentials, and returns its output and exit code.
func (s *site) run(t *testing.T, as testserver.Credentials, words ...string) (string, int) {
	t.Helper()
	helper, err := build()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), helper, words...)
	cmd.Dir, cmd.Env = s.folder, append(slices.Clone(s.environ), as.Environ()...)
	output, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return string(output), cmd.ProcessState.ExitCode()
}

// ok runs the program, which must succeed without a note about missing privileges.
func (s *site) ok(t *testing.T, as testserver.Credentials, words ...string) {
	t.Helper()
	output, code := s.run(t, as, words...)
	if code != 0 {
		t.Fatalf("dump-helper %s: exit code %d\n%s", strings.Join(words, " "), code, output)
	}
	for _, complaint := range []string{"left out", "not allowed", "is kept", "no tags"} {
		if strings.Contains(output, complaint) {
			t.Errorf("dump-helper %s says %q:\n%s", strings.Join(words, " "), complaint, output)
		}
	}
}

// newest downloads the only dump in the bucket.
func (s *site) newest(t *testing.T) string {
	t.Helper()
	keys, err := s.s3.Keys(bucket)
	if err != nil {
		t.Fatal(err)
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return !strings.HasSuffix(key, ".sql.zst") })
	if len(keys) != 1 {
		t.Fatalf("one dump expected, the bucket holds %q", keys)
	}
	text, err := s.s3.GetObject(bucket, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(keys[0]))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func bucketOn(t *testing.T, s3 *testserver.S3, err error) *testserver.S3 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s3.Kill)
	if err := s3.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return s3
}

func mariadb(t *testing.T) *testserver.MySQL {
	t.Helper()
	server, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}

// pipeline runs a shell pipeline from the documents with other addresses.
func pipeline(t *testing.T, text string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", text).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", text, err, output)
	}
}

func TestMariaDBGrantsAreEnough(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are not started by short tests")
	}
	s3, err := testserver.MinIO(t.TempDir())
	bucketOn(t, s3, err)
	server := mariadb(t)
	if err := server.Exec("CREATE DATABASE shop", "CREATE DATABASE restored"); err != nil {
		t.Fatal(err)
	}
	if err := data.Load(t.Context(), server.URL("shop"), data.Options{Seed: 1, MB: 2, View: true, Trigger: true}); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec("USE shop", "CREATE FUNCTION answer() RETURNS int DETERMINISTIC RETURN 42",
		"CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM flood"); err != nil {
		t.Fatal(err)
	}
	blocks := section(t, staging, "Staging, MariaDB and MySQL", "sql")
	grants := statements(blocks[0])
	for _, statement := range statements(blocks[1]) {
		if strings.Contains(statement, "mysql.proc") { // the one for Debian 12's servers
			grants = append(grants, statement)
		}
	}
	grants = append(grants, "CREATE USER 'db'@'%' IDENTIFIED BY 'db'")
	grants = append(grants, statements(section(t, developers, "The local database, MariaDB and MySQL", "sql")[0])...)
	if err := server.Exec(grants...); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, s3, "DUMP_SOURCE="+server.URLAs("dump_reader", "", "shop"), "DUMP_SOURCE_PASSWORD="+password,
		"DUMP_TARGET="+server.URLAs("db", "db", "db"))
	s.ok(t, s3.Owner(), "refresh")
	for range 2 { // the second pull swaps with what the first one kept
		s.ok(t, s3.Owner(), "pull", "--yes")
	}
	s.ok(t, s3.Owner(), "pull", "--undo", "--yes")
	dump := s.newest(t)
	pipeline(t, "zstd -t --quiet "+dump)
	pipeline(t, "zstd -dc "+dump+" | tail -n 5 | grep '^-- Dump completed'")
	client := fmt.Sprintf("mariadb --no-defaults --host=127.0.0.1 --port=%d --user=root restored", server.Port)
	pipeline(t, "zstd -dc "+dump+" | "+client)
	pipeline(t, "zstd -dc "+dump+" | tail -n +2 | "+client) // for clients that reject the sandbox line

	want, err := server.Checksums("shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, database := range []string{"db", "restored"} {
		got, err := server.Checksums(database)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from staging:\n%s", database, diff)
		}
		for _, query := range []string{
			"SELECT " + database + ".answer() = 42",
			"SELECT count(*) FROM information_schema.events WHERE event_schema = '" + database + "'",
			"SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = '" + database + "'",
			"SELECT count(*) > 0 FROM " + database + ".published_jobs",
		} {
			rows, err := server.Query(query)
			if err != nil {
				t.Fatal(err)
			}
			if rows[0][0] != "1" {
				t.Errorf("%s = %s", query, rows[0][0])
			}
		}
	}
}

func TestPostgresGrantsAreEnough(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are not started by short tests")
	}
	s3, err := testserver.MinIO(t.TempDir())
	bucketOn(t, s3, err)
	server, err := testserver.Postgres(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.Exec("postgres", "CREATE ROLE shop_owner LOGIN PASSWORD 'owner'", "CREATE ROLE db LOGIN PASSWORD 'db'",
		"CREATE DATABASE shop OWNER shop_owner", "CREATE DATABASE db", "CREATE DATABASE restored"); err != nil {
		t.Fatal(err)
	}
	grants := statements(section(t, staging, "Staging, PostgreSQL", "sql")[0])
	if err := server.Exec("shop", append([]string{"ALTER SCHEMA public OWNER TO shop_owner"}, grants...)...); err != nil {
		t.Fatal(err)
	}
	// The grants come before the tables, so the default privileges must make the tables readable.
	if err := data.Load(t.Context(), server.URLAs("shop_owner", "owner", "shop"), data.Options{Seed: 1, MB: 2, View: true, Trigger: true}); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec("postgres", statements(section(t, developers, "The local database, PostgreSQL", "sql")[0])...); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, s3, "DUMP_SOURCE="+server.URLAs("dump_reader", "", "shop"), "DUMP_SOURCE_PASSWORD="+password,
		"DUMP_TARGET="+server.URLAs("db", "db", "db"))
	s.ok(t, s3.Owner(), "refresh")
	for range 2 {
		s.ok(t, s3.Owner(), "pull", "--yes")
	}
	s.ok(t, s3.Owner(), "pull", "--undo", "--yes")
	pipeline(t, "zstd -dc "+s.newest(t)+" | tail -n 5 | grep '^-- PostgreSQL database dump complete'")
	pipeline(t, fmt.Sprintf("zstd -dc %s | psql --quiet --set=ON_ERROR_STOP=1 '%s'", s.newest(t), server.URL("restored")))

	want := counts(t, server, "shop")
	for _, database := range []string{"db", "restored"} {
		if diff := cmp.Diff(want, counts(t, server, database)); diff != "" || len(want) < 40 {
			t.Errorf("%s differs from staging (%d tables):\n%s", database, len(want), diff)
		}
	}
}

// counts returns a sum over all rows of each table.
func counts(t *testing.T, server *testserver.PG, database string) map[string]string {
	t.Helper()
	tables, err := server.Query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, table := range tables {
		rows, err := server.Query(database, "SELECT count(*) || ' ' || coalesce(sum(hashtext(t::text)::bigint), 0) FROM public."+table[0]+" t")
		if err != nil {
			t.Fatal(err)
		}
		sums[table[0]] = rows[0][0]
	}
	return sums
}
