package stories

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// versions are PostgreSQL servers of all versions, each with a database that uses what its version offers.
type versions struct {
	clients string // the folder with pg_dump and psql
	store   *testserver.S3
	bucket  string
	servers map[int]*testserver.PG
}

// TestPostgresVersions publishes a database of each version, and pulls it into the same version, each newer one and the next older
// one. pg_dump judges: all rows are equal, and in the same version everything is. In an older version, notes name what is not.
func TestPostgresVersions(t *testing.T) {
	v := startVersions(t)
	t.Run("refresh", func(t *testing.T) {
		for from := range v.servers {
			t.Run(fmt.Sprint(from), func(t *testing.T) {
				t.Parallel()
				v.seed(t, from)
				v.run(t, from, "refresh", "--quiet")
				v.run(t, from, "verify", "--quiet")
			})
		}
	})
	t.Run("plain", v.plain)
	t.Run("without a table", v.withoutTable)
	for from := range v.servers {
		for into := range v.servers {
			if into < from-1 || into < from && into < 12 || from < 12 && into > 12 && into < testserver.NewestPostgres {
				continue
			}
			t.Run(fmt.Sprintf("from %d into %d", from, into), func(t *testing.T) {
				t.Parallel()
				v.pull(t, from, into)
			})
		}
	}
}

// withoutTable leaves out the tables that keep a dump from an older server: one of a kind of partitions that it does not know, and one with a
// default partition. What the dump attaches to them stays by itself.
func (v *versions) withoutTable(t *testing.T) {
	if err := v.servers[10].Exec("postgres", "CREATE DATABASE without_hashed"); err != nil {
		t.Fatal(err)
	}
	v.run(t, 11, "pull", "--yes", "--skip-tables=hashed,parted", "--target", v.servers[10].URL("without_hashed"))
	rows, err := v.servers[10].Query("without_hashed", "SELECT (SELECT count(*) FROM hashed_0) + (SELECT count(*) FROM hashed_1), to_regclass('hashed') IS NULL")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"50", "t"}}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func startVersions(t *testing.T) *versions {
	clients, err := testserver.PostgresClients()
	if err != nil {
		t.Fatal(err)
	}
	store, err := minio()
	if err != nil {
		t.Fatal(err)
	}
	v := &versions{clients: clients, store: store, bucket: "versions", servers: map[int]*testserver.PG{}}
	if err := store.CreateBucket(v.bucket); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var lock sync.Mutex
	for major := testserver.OldestPostgres; major <= testserver.NewestPostgres; major++ {
		group.Go(func() {
			server, err := testserver.PostgresVersion(filepath.Join(workshop, fmt.Sprintf("postgres-%d", major)), major)
			if err != nil {
				t.Error(err)
				return
			}
			lock.Lock()
			defer lock.Unlock()
			v.servers[major] = server
			t.Cleanup(server.Stop)
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return v
}

// seed makes the database of a version: testdata/postgres/V.sql is what version V has added.
func (v *versions) seed(t *testing.T, major int) {
	t.Helper()
	server := v.servers[major]
	if err := server.Exec("postgres", "CREATE DATABASE site"); err != nil {
		t.Fatal(err)
	}
	for added := testserver.OldestPostgres; added <= major; added++ {
		v.psql(t, server, "site", filepath.Join("testdata", "postgres", fmt.Sprintf("%d.sql", added)))
	}
	if major <= 13 {
		v.psql(t, server, "site", filepath.Join("testdata", "postgres", "until-13.sql"))
	}
}

func (v *versions) psql(t *testing.T, server *testserver.PG, database, file string) {
	t.Helper()
	words := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-h", "127.0.0.1", "-p", fmt.Sprint(server.Port), "-U", "postgres", "-f", file, database}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(v.clients, "psql"), words...).CombinedOutput(); err != nil {
		t.Fatalf("psql %s: %v\n%s", file, err, out)
	}
}

// judged is what pg_dump says of a database, in lines without an order.
func (v *versions) judged(t *testing.T, server *testserver.PG, database string, options ...string) []string {
	t.Helper()
	words := append([]string{"--no-owner", "--no-privileges", "-h", "127.0.0.1", "-p", fmt.Sprint(server.Port), "-U", "postgres", database}, options...)
	out, err := exec.CommandContext(t.Context(), filepath.Join(v.clients, "pg_dump"), words...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(string(out), "\n"), func(line string) bool {
		return strings.HasPrefix(line, `\`) && line != `\.` || strings.HasPrefix(line, "-- Dumped ")
	})
	slices.Sort(lines)
	return lines
}

// run runs dump-helper for the project of a version and returns what it says.
func (v *versions) run(t *testing.T, from int, words ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(workshop, "bin", "dump-helper"), words...)
	command.Dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(command.Dir, ".ddev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(command.Dir, ".ddev", "config.yaml"), []byte(fmt.Sprintf("name: version-%d\n", from)), 0o644); err != nil {
		t.Fatal(err)
	}
	command.Env = append([]string{
		"PATH=" + v.clients + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + command.Dir,
		"DUMP_CACHE_DIR=" + filepath.Join(workshop, "versions-cache"),
		"DUMP_S3_BUCKET=" + v.bucket, "DUMP_S3_ENDPOINT=" + v.store.Endpoint, "DUMP_S3_REGION=us-east-1",
		"DUMP_SOURCE=" + v.servers[from].URL("site"),
	}, v.store.Owner().Environ()...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("dump-helper %s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

func (v *versions) pull(t *testing.T, from, into int) {
	local := fmt.Sprintf("from_%d", from)
	said := v.run(t, from, "pull", "--yes", "--target", v.servers[into].URL(local))
	if diff := cmp.Diff(v.judged(t, v.servers[from], "site", "--data-only"), v.judged(t, v.servers[into], local, "--data-only")); diff != "" {
		t.Errorf("rows of staging (-) and here (+):\n%s", diff)
	}
	if from == into {
		if diff := cmp.Diff(v.judged(t, v.servers[from], "site"), v.judged(t, v.servers[into], local)); diff != "" {
			t.Errorf("staging (-) and here (+):\n%s", diff)
		}
	}
	var notes []string
	for _, line := range strings.Split(said, "\n") {
		if strings.Contains(line, ": this server does not know") || strings.Contains(line, " left out: ") || strings.Contains(line, "skipped") {
			notes = append(notes, line)
		}
	}
	var want []string
	if from > into {
		want = unknownBefore[from]
	}
	if from > into && !strings.HasPrefix(said[strings.Index(said, "\n")+1:], fmt.Sprintf("the dump is from PostgreSQL %d.", from)) {
		t.Errorf("the versions do not come first:\n%s", said)
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// unknownBefore are the notes when the database of a version is pulled into the next older one.
var unknownBefore = map[int][]string{
	13: {
		"index searched_v: this server does not know options of operator classes (PostgreSQL 13), which are left out",
		"trigger parted_touched: this server does not know triggers of partitioned tables before each row (PostgreSQL 13), so it is left out",
	},
	14: {
		"table public.node: this server does not know COMPRESSION (PostgreSQL 14), so it is left out",
		"statistics public.node_lower: this server does not know statistics of expressions (PostgreSQL 14), so it is left out",
	},
	15: {
		"view public.invoked: this server does not know security_invoker (PostgreSQL 15), so that it reads with its owner's rights",
		"table public.scaled: this server does not know numeric(2,-3) (PostgreSQL 15), so that column n takes any number",
		"table public.scaled: this server does not know numeric(3,5) (PostgreSQL 15), so that column m takes any number",
		"table public.same: this server does not know NULLS NOT DISTINCT (PostgreSQL 15), which is left out for same_a_key",
		"index same_b: this server does not know NULLS NOT DISTINCT (PostgreSQL 15), which is left out",
		"table public.keys: this server does not know ON DELETE SET NULL (…) (PostgreSQL 15), so that foreign key keys_x_y_fkey sets all of its columns",
	},
	16: {"collation public.ruled: this server does not know rules of a collation (PostgreSQL 16), which are left out"},
	18: {
		"table public.modern: this server does not know virtual generated columns (PostgreSQL 18), so that column v is stored",
		"table public.modern: this server does not know the function uuidv7 (PostgreSQL 18), so that column id has no default",
		"table public.modern_child: this server does not know the function uuidv7 (PostgreSQL 18), so it is left out",
		"table public.booked: this server does not know WITHOUT OVERLAPS (PostgreSQL 18), so that booked_pkey becomes an exclusion constraint",
		"table public.modern: this server does not know NOT ENFORCED of constraint hoped (PostgreSQL 18), so it is left out",
		"table public.later: this server does not know NOT NULL … NOT VALID (PostgreSQL 18), so it is left out",
		"table public.loosely: this server does not know NOT ENFORCED of constraint loosely_n_fkey (PostgreSQL 18), so it is left out",
		"table public.guests: this server does not know PERIOD in foreign key stays (PostgreSQL 18), so it is left out",
	},
}

// plain restores the dump that the newest client makes of an ordinary database into the servers that people have, by psql alone.
func (v *versions) plain(t *testing.T) {
	newest := v.servers[testserver.NewestPostgres]
	if err := newest.Exec("postgres", "CREATE DATABASE ordinary"); err != nil {
		t.Fatal(err)
	}
	v.psql(t, newest, "ordinary", filepath.Join("testdata", "postgres", "10.sql"))
	for _, engine := range []string{"native", "client"} {
		project := "ordinary-" + engine
		v.run(t, testserver.NewestPostgres, "refresh", "--quiet", "--set", "DUMP_ENGINE="+engine, "--set", "DUMP_PROJECT="+project, "--set", "DUMP_SOURCE="+newest.URL("ordinary"))
		file := v.fetch(t, project)
		for major, server := range v.servers {
			name := "plain_" + engine
			if err := server.Exec("postgres", "CREATE DATABASE "+name); err != nil {
				t.Fatal(err)
			}
			if major == testserver.OldestPostgres {
				continue // it has no EXECUTE FUNCTION
			}
			v.psql(t, server, name, file)
			if diff := cmp.Diff(v.judged(t, newest, "ordinary", "--data-only"), v.judged(t, server, name, "--data-only")); diff != "" {
				t.Errorf("%s: rows of staging (-) and of version %d (+):\n%s", engine, major, diff)
			}
		}
	}
}

// fetch writes the only dump of a project, decompressed, into a file.
func (v *versions) fetch(t *testing.T, project string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "dump.sql")
	keys, err := v.store.Keys(v.bucket)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(keys, func(key string) bool {
		return strings.HasPrefix(key, project+"/") && strings.HasSuffix(key, ".sql.zst")
	})
	if at < 0 {
		t.Fatalf("%s has no dump: %q", project, keys)
	}
	dump, err := v.store.GetObject(v.bucket, keys[at])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".zst", dump, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "zstd", "-dq", file+".zst").CombinedOutput(); err != nil {
		t.Fatalf("zstd: %v %s", err, out)
	}
	return file
}
