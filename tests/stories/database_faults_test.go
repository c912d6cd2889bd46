package stories

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/faults"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// The matrix of faults between the program and its databases: whatever happens to the line, no part of a dump is published, the local
// database is as it was, and what is told ends with an exit code that says whose line it was. The next run needs no help.

// line is what happens to each connection.
type line struct {
	name     string
	up, down faults.Damage
	harmless bool
	silent   bool // nothing comes, and nothing breaks
}

func lines() []line {
	all := []line{
		{"trickling", faults.Trickle(4<<10, 100*time.Microsecond), faults.Trickle(16<<10, 100*time.Microsecond), true, false},
		{"slow", faults.Trickle(64<<10, time.Millisecond), nil, true, false},
	}
	for _, after := range []int64{0, 20, 90, 400, 3_000, 20_000, 90_000} {
		all = append(all, line{fmt.Sprintf("cut after %d bytes from it", after), nil, faults.Cut(after), false, false})
	}
	for _, after := range []int64{0, 40, 150, 600, 2_000} {
		all = append(all, line{fmt.Sprintf("cut after %d bytes to it", after), faults.Cut(after), nil, false, false})
	}
	for _, after := range []int64{0, 90, 400, 3_000, 20_000, 90_000} {
		all = append(all, line{fmt.Sprintf("silent after %d bytes from it", after), nil, faults.Stall(after), false, true})
	}
	for _, after := range []int64{0, 150, 600, 2_000} {
		all = append(all, line{fmt.Sprintf("silent after %d bytes to it", after), faults.Stall(after), nil, false, true})
	}
	return all
}

// place is where databases are: a server for staging, and one for the local database.
type place struct {
	staging, local string // their URLs
	ports          [2]int // of staging and local
	// tables tells the contents of the local database, and sessions those of the program on one of the servers.
	tables   func() (map[string]string, error)
	sessions func(port int) ([][]string, error)
}

const lineFaults = "line_faults"

// Both tests of faults look at all sessions of their servers, so they run when the stories are over. They wait more than they compute.

func TestDatabaseFaults(t *testing.T) {
	t.Parallel()
	staging, err := stagingServer()
	if err != nil {
		t.Fatal(err)
	}
	local, err := localServer()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(staging.Exec("CREATE DATABASE "+lineFaults), local.Exec("CREATE DATABASE "+lineFaults,
		"CREATE TABLE "+lineFaults+".mine (id INT PRIMARY KEY)", "INSERT INTO "+lineFaults+".mine VALUES (1)")); err != nil {
		t.Fatal(err)
	}
	testFaults(t, place{
		staging: staging.URL(lineFaults), local: local.URL(lineFaults), ports: [2]int{staging.Port, local.Port},
		tables: func() (map[string]string, error) { return local.Checksums(lineFaults) },
		sessions: func(port int) ([][]string, error) {
			server := map[int]*testserver.MySQL{staging.Port: staging, local.Port: local}[port]
			return server.Query("SELECT ID, COMMAND, STATE, INFO FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND (USER = 'root' OR USER REGEXP '^dump_')")
		},
	})
}

func TestPostgresFaults(t *testing.T) {
	t.Parallel()
	server, err := pgServer()
	if err != nil {
		t.Fatal(err)
	}
	const staging = "line_staging"
	if err := errors.Join(server.Exec("postgres", "CREATE DATABASE "+staging, "CREATE DATABASE "+lineFaults),
		server.Exec(lineFaults, "CREATE TABLE mine (id int PRIMARY KEY)", "INSERT INTO mine VALUES (1)")); err != nil {
		t.Fatal(err)
	}
	testFaults(t, place{
		staging: server.URL(staging), local: server.URL(lineFaults), ports: [2]int{server.Port, server.Port},
		tables: func() (map[string]string, error) {
			rows, err := server.Query(lineFaults, "SELECT oid::regclass::text, query_to_xml('SELECT count(*) FROM '||oid::regclass, true, true, '')::text"+
				" FROM pg_class WHERE relkind = 'r' AND relnamespace <> 'pg_catalog'::regnamespace AND relnamespace <> 'information_schema'::regnamespace")
			tables := map[string]string{}
			for _, row := range rows {
				tables[row[0]] = row[1]
			}
			return tables, err
		},
		sessions: func(int) ([][]string, error) {
			return server.Query("postgres", "SELECT pid::text, coalesce(state, ''), query FROM pg_stat_activity WHERE application_name IN ('dump-helper', 'pg_dump')")
		},
	})
}

func testFaults(t *testing.T, at place) {
	store, err := minio()
	if err != nil {
		t.Fatal(err)
	}
	bucket := strings.ToLower(strings.ReplaceAll(t.Name(), "Test", "faults-"))
	if err := store.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	if err := data.Load(t.Context(), at.staging, data.Options{Seed: 1, MB: 1}); err != nil {
		t.Fatal(err)
	}
	p := program{t: t, store: store, bucket: bucket, place: at, cache: t.TempDir()}
	if code, out := p.run("refresh"); code != 0 {
		t.Fatal(out)
	}
	t.Run("staging", func(t *testing.T) {
		for _, l := range lines() {
			t.Run(l.name, func(t *testing.T) { p.at(t).staged(l) })
		}
	})
	t.Run("local", func(t *testing.T) {
		for _, l := range lines() {
			t.Run(l.name, func(t *testing.T) { p.at(t).localed(l) })
		}
	})
	if code, out := p.run("pull", "--yes"); code != 0 {
		t.Fatal(out)
	}
}

// program is the compiled program with its settings.
type program struct {
	place

	t      *testing.T
	store  *testserver.S3
	bucket string
	cache  string
}

func (p program) at(t *testing.T) program { p.t = t; return p }

// run runs it and returns its exit code and what it has printed.
func (p program) run(words ...string) (int, string) {
	p.t.Helper()
	command := p.command(words...)
	out, err := command.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		p.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
}

// command makes a command of it.
func (p program) command(words ...string) *exec.Cmd {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), filepath.Join(workshop, "bin", "dump-helper"), words...)
	command.Dir = p.cache
	command.Env = append(p.store.Owner().Environ(), "PATH="+os.Getenv("PATH"), "HOME="+p.cache, "DUMP_CACHE_DIR="+filepath.Join(p.cache, "dumps"),
		"DUMP_S3_BUCKET="+p.bucket, "DUMP_S3_ENDPOINT="+p.store.Endpoint, "DUMP_SOURCE="+p.staging, "DUMP_TARGET="+p.local)
	if err := os.MkdirAll(filepath.Join(p.cache, ".ddev"), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.cache, ".ddev", "config.yaml"), []byte("name: lines\ntype: php\n"), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return command
}

// through returns a URL that leads through a damaged line.
func through(t *testing.T, url string, port int, l line) string {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	proxy, err := faults.NewTCP(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	proxy.Damage(l.up, l.down)
	url = strings.Replace(url, address, proxy.Address(), 1)
	if strings.Contains(url, "?") {
		return url + "&silence=2s"
	}
	return url + "?silence=2s"
}

// staged refreshes through a damaged line.
func (p program) staged(l line) {
	before := p.keys()
	p.staging = through(p.t, p.staging, p.ports[0], l)
	began := time.Now()
	code, out := p.run("refresh")
	published := len(p.keys()) - len(before)
	p.ends(l, p.ports[0], began)
	switch {
	case l.silent && (code != 12 || published != 0 || !strings.Contains(out, silentSource)):
		p.t.Errorf("exit code %d, %d published:\n%s", code, published, out)
	case l.harmless && (code != 0 || published != 1):
		p.t.Errorf("exit code %d, %d published:\n%s", code, published, out)
	case code != 0 && (code != 6 && code != 12 || published != 0):
		p.t.Errorf("exit code %d, %d published:\n%s", code, published, out)
	case code == 0 && published != 1:
		p.t.Errorf("nothing was published:\n%s", out)
	}
	if left, err := p.store.Uploads(p.bucket); err != nil || len(left) > 0 {
		p.t.Errorf("left behind: %q, %v", left, err)
	}
}

// localed pulls through a damaged line.
func (p program) localed(l line) {
	before, err := p.tables()
	if err != nil {
		p.t.Fatal(err)
	}
	p.local = through(p.t, p.local, p.ports[1], l)
	began := time.Now()
	code, out := p.run("pull", "--yes")
	p.ends(l, p.ports[1], began)
	after, err := p.tables()
	if err != nil {
		p.t.Fatal(err)
	}
	switch {
	case l.silent && code != 0 && (code != 12 || !strings.Contains(out, silentTarget)): // 0 where all has come in fewer bytes
		p.t.Errorf("exit code %d:\n%s", code, out)
	case l.harmless && code != 0:
		p.t.Errorf("exit code %d:\n%s", code, out)
	case code != 0 && code != 9 && code != 12:
		p.t.Errorf("exit code %d:\n%s", code, out)
	case code != 0 && !maps.Equal(before, after):
		p.t.Errorf("the local database has changed:\n%s", out)
	case code == 0 && len(after) < 40:
		p.t.Errorf("only %d tables came:\n%s", len(after), out)
	}
}

// The hints of a silence.
const (
	silentSource = "\nhint: nothing was published, try again; staging hangs, or something between drops connections; ?silence=5m at the end of DUMP_SOURCE waits longer\n"
	silentTarget = "\nhint: look at the local server's log, or start it again; nothing is lost, and the next pull cleans up; ?silence=5m at the end of DUMP_TARGET waits longer\n"
)

// ends wants a silence to end soon, and no session of the program to stay on a server. The end of a connection is not heard either, though, where
// nothing gets through to the server.
func (p program) ends(l line, port int, began time.Time) {
	const limit = time.Minute
	if took := time.Since(began); l.silent && took > limit {
		p.t.Errorf("took %s", took)
	}
	for try := 0; l.up == nil; try++ {
		left, err := p.sessions(port)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if try == 600 {
			p.t.Errorf("sessions stay: %q", left)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (p program) keys() (dumps []string) {
	keys, err := p.store.Keys(p.bucket)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, key := range keys {
		if strings.HasSuffix(key, ".sql.zst") {
			dumps = append(dumps, key)
		}
	}
	return dumps
}
