package stories

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

var updateSites = flag.Bool("update-sites", false, "write the notes of TestSites")

// siteServers are the servers that sites travel between.
var siteServers = []siteServer{
	{"mariadb", stagingServer, localServer}, {"mysql", mysqlStaging, mysqlLocal}, {"mariadb-10.2", oldStaging, oldLocal},
	{mariadb114, staging114, local114},
}

// mariadb114 is a server of the long tests.
const mariadb114 = "mariadb-11.4"

// Real sites of WordPress and MediaWiki arrive on each server as they are on each other one, by our dumps and by the exports of
// phpMyAdmin and Adminer; an undo brings back what was there. The file testdata/sites.golden has the notes.
func TestSites(t *testing.T) {
	travelSites(t, "sites.golden", func(from, to string) bool { return from != mariadb114 && to != mariadb114 })
}

// The same from and to MariaDB 11.4, whose notes are in the file testdata/sites-11.4.golden.
func TestSitesOfMariaDB114(t *testing.T) {
	if os.Getenv("DUMP_TEST_LONG") == "" {
		t.Skip("one of the long tests: DUMP_TEST_LONG=1")
	}
	travelSites(t, "sites-11.4.golden", func(from, to string) bool { return from == mariadb114 || to == mariadb114 })
}

type siteServer struct {
	name           string
	staging, local func() (*testserver.MySQL, error)
}

// travelSites has the sites go the ways that are wanted; from is a server or an export. The notes are compared with those of a file.
func travelSites(t *testing.T, file string, wanted func(from, to string) bool) {
	t.Helper()
	store, err := minio()
	must(t, err)
	var notes strings.Builder
	for _, program := range []string{"wordpress", "mediawiki"} {
		trip := &siteTrip{program: program, database: "site_" + program, bucket: "site-" + program, store: store, folder: t.TempDir()}
		must(t, store.CreateBucket(trip.bucket))
		rows := map[string]string{}
		for _, from := range siteServers {
			if !slices.ContainsFunc(siteServers, func(to siteServer) bool { return wanted(from.name, to.name) }) {
				continue
			}
			staging, err := from.staging()
			must(t, err)
			trip.fill(t, staging)
			rows[from.name] = trip.rows(t, staging)
			if rows[from.name] != rows["mariadb"] {
				t.Fatalf("%s: the server has other rows than the first one: %s", from.name, difference(rows["mariadb"], rows[from.name]))
			}
			trip.run(t, "DUMP_SOURCE="+staging.URL(trip.database), "refresh", "--quiet", "--force") // the next one comes from another server
			for _, to := range siteServers {
				if !wanted(from.name, to.name) {
					continue
				}
				way := program + " from " + from.name + " to " + to.name
				fmt.Fprintf(&notes, "%s\n%s\n", way, trip.pull(t, way, to.local, rows[from.name]))
			}
		}
		for _, export := range []string{"phpmyadmin-mariadb", "adminer-mariadb", "phpmyadmin-mysql", "adminer-mysql"} {
			content, err := os.ReadFile(siteFile(program + "-" + export))
			must(t, err)
			key := "shop/" + program + "-" + export + ".sql.zst"
			must(t, store.PutObject(trip.bucket, key, content))
			for _, to := range siteServers {
				if !wanted(export, to.name) {
					continue
				}
				way := program + " by " + export + " to " + to.name
				fmt.Fprintf(&notes, "%s\n%s\n", way, trip.pull(t, way, to.local, rows["mariadb"], "--key", key))
			}
		}
	}
	golden := filepath.Join("testdata", file)
	if *updateSites {
		must(t, os.WriteFile(golden, []byte(notes.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(notes.String(), "\n")); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func siteFile(name string) string { return filepath.Join("..", "exports", "sites", name+".sql.zst") }

// siteTrip is a site on its way between servers.
type siteTrip struct {
	program, database, bucket, folder string
	store                             *testserver.S3
}

// fill loads the site into a staging server with the server's own client.
func (s *siteTrip) fill(t *testing.T, server *testserver.MySQL) {
	t.Helper()
	packed, err := os.ReadFile(siteFile(s.program))
	must(t, err)
	reader, err := zstd.NewReader(nil)
	must(t, err)
	defer reader.Close()
	text, err := reader.DecodeAll(packed, nil)
	must(t, err)
	must(t, server.Exec("DROP DATABASE IF EXISTS "+s.database, "CREATE DATABASE "+s.database))
	client := exec.Command("mariadb", append(clientWords(server), s.database)...)
	client.Stdin = bytes.NewReader(text)
	if out, err := client.CombinedOutput(); err != nil {
		t.Fatalf("load %s: %v: %s", s.program, err, out)
	}
}

func clientWords(server *testserver.MySQL) []string {
	return []string{"--no-defaults", "--skip-ssl", "--host=127.0.0.1", fmt.Sprintf("--port=%d", server.Port), "--user=root"}
}

// rows returns the rows of the site as the dump client writes them.
func (s *siteTrip) rows(t *testing.T, server *testserver.MySQL) string {
	t.Helper()
	rows, err := exec.Command("mariadb-dump", append(clientWords(server), "--compact", "--no-create-info", "--skip-triggers", "--skip-extended-insert",
		"--complete-insert", "--order-by-primary", "--hex-blob", s.database)...).Output()
	must(t, err)
	if len(rows) == 0 {
		t.Fatal("the site has no rows")
	}
	return string(rows)
}

// run runs dump-helper in a project of its own, and returns what it says on standard error.
func (s *siteTrip) run(t *testing.T, setting string, words ...string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(s.folder, ".ddev"), 0o755))
	must(t, os.WriteFile(filepath.Join(s.folder, ".ddev", "config.yaml"), []byte("name: shop\n"), 0o644))
	command := exec.Command(filepath.Join(workshop, "bin", "dump-helper"), words...)
	command.Dir = s.folder
	command.Env = append(os.Environ(), "HOME="+s.folder, "DUMP_CACHE_DIR="+filepath.Join(s.folder, "cache"), "DUMP_S3_BUCKET="+s.bucket,
		"DUMP_S3_ENDPOINT="+s.store.Endpoint, "DUMP_S3_REGION=us-east-1", setting)
	command.Env = append(command.Env, s.store.Owner().Environ()...)
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Run(); err != nil {
		t.Fatalf("dump-helper %s: %v\n%s", strings.Join(words, " "), err, said.String())
	}
	return said.String()
}

// phases are the lines that say how far a pull is.
var phases = regexp.MustCompile(`(?m)^(pulling|making|fetching|checking|loading|comparing|swapping) .*\n|^(comparing|swapping)\n|^\s*\n`)

// pull replaces a local database with the site, and brings it back. It returns the notes.
func (s *siteTrip) pull(t *testing.T, way string, local func() (*testserver.MySQL, error), want string, words ...string) string {
	t.Helper()
	server, err := local()
	must(t, err)
	must(t, server.Exec("DROP DATABASE IF EXISTS "+s.database, "CREATE DATABASE "+s.database, "CREATE TABLE "+s.database+".mine (id INT PRIMARY KEY)"))
	before := s.schema(t, server)
	setting := "DUMP_TARGET=" + server.URL(s.database)
	said := s.run(t, setting, append([]string{"pull", "--yes"}, words...)...)
	if got := s.rows(t, server); got != want {
		t.Errorf("%s: other rows than on staging: %s", way, difference(want, got))
	}
	s.run(t, setting, "pull", "--undo", "--yes")
	if after := s.schema(t, server); after != before {
		t.Errorf("%s: the undo has left\n%s\nnot\n%s", way, after, before)
	}
	must(t, server.Exec("DROP DATABASE IF EXISTS "+s.database, "DROP DATABASE IF EXISTS "+s.database+"__dump_previous"))
	return phases.ReplaceAllString(said, "")
}

// schema returns the definitions of a database's tables.
func (s *siteTrip) schema(t *testing.T, server *testserver.MySQL) string {
	t.Helper()
	text, err := exec.Command("mariadb-dump", append(clientWords(server), "--compact", "--no-data", s.database)...).Output()
	must(t, err)
	return string(text)
}

// difference returns the first row that differs.
func difference(want, got string) string {
	left, right := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(left), len(right)) {
		if left[i] != right[i] {
			return fmt.Sprintf("row %d:\n%.600s\n%.600s", i+1, left[i], right[i])
		}
	}
	return fmt.Sprintf("%d rows, not %d", len(right), len(left))
}
