package stories

import (
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

func TestDatabaseFaults(t *testing.T) {
	store, err := minio()
	if err != nil {
		t.Fatal(err)
	}
	staging, err := stagingServer()
	if err != nil {
		t.Fatal(err)
	}
	local, err := localServer()
	if err != nil {
		t.Fatal(err)
	}
	const name = "line_faults"
	if err := store.CreateBucket("line-faults"); err != nil {
		t.Fatal(err)
	}
	if err := staging.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	if err := data.Load(t.Context(), staging.URL(name), data.Options{Seed: 1, MB: 1}); err != nil {
		t.Fatal(err)
	}
	if err := local.Exec("CREATE DATABASE "+name, "CREATE TABLE "+name+".mine (id INT PRIMARY KEY)", "INSERT INTO "+name+".mine VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	p := program{t: t, store: store, staging: staging.URL(name), local: local.URL(name), cache: t.TempDir()}
	if code, out := p.run("refresh"); code != 0 {
		t.Fatal(out)
	}
	t.Run("staging", func(t *testing.T) {
		for _, l := range lines() {
			t.Run(l.name, func(t *testing.T) { p.at(t).staged(l, staging) })
		}
	})
	t.Run("local", func(t *testing.T) {
		for _, l := range lines() {
			t.Run(l.name, func(t *testing.T) { p.at(t).localed(l, local, name) })
		}
	})
	if code, out := p.run("pull", "--yes"); code != 0 {
		t.Fatal(out)
	}
}

// program is the compiled program with its settings.
type program struct {
	t              *testing.T
	store          *testserver.S3
	staging, local string
	cache          string
}

func (p program) at(t *testing.T) program { p.t = t; return p }

// run runs it and returns its exit code and what it has printed.
func (p program) run(words ...string) (int, string) {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), filepath.Join(workshop, "bin", "dump-helper"), words...)
	command.Dir = p.cache
	command.Env = append(p.store.Owner().Environ(), "PATH="+os.Getenv("PATH"), "HOME="+p.cache, "DUMP_CACHE_DIR="+filepath.Join(p.cache, "dumps"),
		"DUMP_S3_BUCKET=line-faults", "DUMP_S3_ENDPOINT="+p.store.Endpoint, "DUMP_SOURCE="+p.staging, "DUMP_TARGET="+p.local)
	if err := os.MkdirAll(filepath.Join(p.cache, ".ddev"), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.cache, ".ddev", "config.yaml"), []byte("name: lines\ntype: php\n"), 0o644); err != nil {
		p.t.Fatal(err)
	}
	out, err := command.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		p.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(out)
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
	return strings.Replace(url, address, proxy.Address(), 1) + "?silence=2s"
}

// staged refreshes through a damaged line.
func (p program) staged(l line, server *testserver.MySQL) {
	before := p.keys()
	p.staging = through(p.t, p.staging, server.Port, l)
	began := time.Now()
	code, out := p.run("refresh")
	published := len(p.keys()) - len(before)
	p.ends(l, server, began)
	switch {
	case l.silent && (code != 12 || published != 0 || !strings.Contains(out, silentSource)):
		p.t.Errorf("exit code %d, %d published:\n%s", code, published, out)
	case l.silent:
		p.t.Log(out)
	case l.harmless && (code != 0 || published != 1):
		p.t.Errorf("exit code %d, %d published:\n%s", code, published, out)
	case code != 0 && (code != 6 && code != 12 || published != 0):
		p.t.Errorf("exit code %d, %d published:\n%s", code, published, out)
	case code == 0 && published != 1:
		p.t.Errorf("nothing was published:\n%s", out)
	}
	if left, err := p.store.Uploads("line-faults"); err != nil || len(left) > 0 {
		p.t.Errorf("left behind: %q, %v", left, err)
	}
}

// localed pulls through a damaged line.
func (p program) localed(l line, server *testserver.MySQL, name string) {
	before, err := server.Checksums(name)
	if err != nil {
		p.t.Fatal(err)
	}
	p.local = through(p.t, p.local, server.Port, l)
	began := time.Now()
	code, out := p.run("pull", "--yes")
	p.ends(l, server, began)
	after, err := server.Checksums(name)
	if err != nil {
		p.t.Fatal(err)
	}
	switch {
	case l.silent && (code != 12 || !strings.Contains(out, silentTarget)):
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
func (p program) ends(l line, server *testserver.MySQL, began time.Time) {
	const limit = 15 * time.Second
	if took := time.Since(began); l.silent && took > limit {
		p.t.Errorf("took %s", took)
	}
	for try := 0; l.up == nil; try++ {
		left, err := server.Query("SELECT ID, COMMAND, STATE, INFO FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = 'root'")
		if err != nil {
			p.t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if try == 50 {
			p.t.Errorf("sessions stay: %q", left)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (p program) keys() (dumps []string) {
	keys, err := p.store.Keys("line-faults")
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
