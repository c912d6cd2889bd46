// Package targettest serves the tests of packages that replace local databases.
package targettest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// OpenKeeping opens a database for which some earlier ones are kept.
func OpenKeeping(t *testing.T, url string, keep int, part target.Part) target.Database {
	t.Helper()
	Watch(t, ParseURL(t, url))
	db, err := TryOpen(t, target.Config{URL: ParseURL(t, url), Keep: keep, Part: part, Note: func(string) {}})
	Must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// The variables by which a test starts this binary again as a helper that dies: see RunChild.
const (
	ChildURL  = "TARGET_CHILD_URL"
	ChildDump = "TARGET_CHILD_DUMP" // path of what to pull; empty means undo
	// ChildPart is the tables that are replaced, with commas, or behind ! those that are not, or behind = those that are not because they are
	// the same; empty means all.
	ChildPart   = "TARGET_CHILD_PART"
	ChildKeep   = "TARGET_CHILD_KEEP"   // how many earlier databases are kept
	ChildReturn = "TARGET_CHILD_RETURN" // not empty means that the tables are added to the first earlier database, not swapped in
	ChildBack   = "TARGET_CHILD_BACK"   // the earlier database that undo brings back; empty means the first
	// ChildToken is the token of its record, "" for none; with one it keeps earlier databases that were changed.
	ChildToken = "TARGET_CHILD_TOKEN"
	ChildStep  = "TARGET_CHILD_STEP" // the step at which it is killed; -1: while it loads
)

var cleanups []func()

// AtEnd has something done when all tests have ended.
func AtEnd(do func()) { cleanups = append(cleanups, do) }

// Run runs the tests of a package, whose databases are opened by a function, and ends their servers.
func Run(m *testing.M, open func(context.Context, target.Config) (target.Database, error)) {
	openDatabase = open
	if os.Getenv(ChildURL) != "" {
		if err := childMain(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	status := m.Run()
	for _, cleanup := range cleanups {
		cleanup()
	}
	os.Exit(status)
}

// childMain pulls or undoes, and is killed by SIGKILL at the step that it was told.
func childMain() error {
	last, err := strconv.Atoi(os.Getenv(ChildStep))
	if err != nil {
		return err
	}
	var step atomic.Int64
	target.OnStep = func(string) {
		if step.Add(1) == int64(last) {
			killMyself()
		}
	}
	u, err := dburl.Parse(os.Getenv(ChildURL))
	if err != nil {
		return err
	}
	ctx := context.Background()
	var part target.Part
	if tables := os.Getenv(ChildPart); tables != "" {
		if but, is := strings.CutPrefix(tables, "!"); is {
			part = AllBut(strings.Split(but, ",")...)
		} else if same, is := strings.CutPrefix(tables, "="); is {
			part = AllBut(strings.Split(same, ",")...)
			part.Unchanged = true
		} else {
			part = Only(strings.Split(tables, ",")...)
		}
	}
	keep, _ := strconv.Atoi(os.Getenv(ChildKeep))
	db, err := openDatabase(ctx, target.Config{URL: u, Part: part, Keep: keep, Token: os.Getenv(ChildToken), KeepChanged: os.Getenv(ChildToken) != ""})
	if err != nil {
		return err
	}
	defer db.Close()
	path := os.Getenv(ChildDump)
	if number, err := strconv.Atoi(os.Getenv(ChildBack)); err == nil && path == "" {
		return db.UndoTo(ctx, number)
	}
	if path == "" {
		return db.Undo(ctx)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	load, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer load.Discard()
	if filepath.Ext(path) == ".baked" {
		return childBaked(ctx, load, text, DumpOf(filepath.Base(path)))
	}
	if filepath.Ext(path) == ".json" {
		return childChunks(ctx, load, text, last, DumpOf(filepath.Base(path)))
	}
	dialect, _ := sqltext.Detect(text)
	var source io.Reader = strings.NewReader(string(text))
	if last < 0 { // before the swap: at the end of the dump
		source = io.MultiReader(source, killer{})
	}
	stats, err := load.Run(ctx, source, dialect, nil)
	if err != nil {
		return err
	}
	if err := load.Compare(ctx, stats); err != nil {
		return err
	}
	if os.Getenv(ChildReturn) != "" {
		return load.(target.Returning).Return(ctx, 1) //nolint:forcetypeassert // a test asks only those that can
	}
	return load.Swap(ctx, DumpOf(filepath.Base(path)))
}

// childChunks is childMain for a dump in chunks.
func childChunks(ctx context.Context, load target.Load, text []byte, last int, name target.Dump) error {
	var saved struct {
		List  []dump.StoredChunk
		Texts []string
	}
	if err := json.Unmarshal(text, &saved); err != nil {
		return err
	}
	chunks := &Texts{Entries: saved.List, Texts: saved.Texts}
	if last < 0 { // at the tails
		chunks.OnRead = func(_ context.Context, i int) error {
			if saved.List[i].Section == dump.Tail {
				killMyself()
			}
			return nil
		}
	}
	return LoadChunks(ctx, load, chunks, name)
}

// childBaked is childMain for a dump with tables as files.
func childBaked(ctx context.Context, load target.Load, text []byte, name target.Dump) error {
	chunks := &Baked{}
	if err := json.Unmarshal(text, chunks); err != nil {
		return err
	}
	return LoadChunks(ctx, load, chunks, name)
}

// LoadChunks loads chunks to the end.
func LoadChunks(ctx context.Context, load target.Load, chunks dump.Chunks, name target.Dump) error {
	stats, err := load.RunChunks(ctx, chunks, nil)
	if err != nil {
		return err
	}
	if err := load.Compare(ctx, stats); err != nil {
		return err
	}
	return load.Swap(ctx, name)
}

func killMyself() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// killer is a source that kills its reader.
type killer struct{}

func (killer) Read([]byte) (int, error) {
	killMyself()
	return 0, nil
}

// RunChild starts this binary again to pull dump, or to undo, and to be killed at a step. It says whether
// the child came to its end before that step.
func RunChild(t *testing.T, url, dump string, step int) (finished bool) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), ChildURL+"="+url, ChildDump+"="+dump, ChildStep+"="+strconv.Itoa(step))
	out, err := command.CombinedOutput()
	status, ok := command.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return false
	}
	if err != nil {
		t.Fatalf("child at step %d: %v\n%s", step, err, out)
	}
	return true
}

// mariadb, mysqld and postgres are servers that the tests of this package share.
var (
	Mariadb    = Shared("mariadb", testserver.MariaDB, "--event-scheduler=ON", "--max-allowed-packet=2M")
	Mariadb102 = Shared("mariadb-10.2", testserver.OldMariaDB, "--event-scheduler=ON", "--max-allowed-packet=2M")
	Mysqld     = Shared("mysqld", testserver.Mysqld)
	Postgres   = sync.OnceValues(func() (*testserver.PG, error) {
		dir, err := os.MkdirTemp("", "target-postgres-")
		if err != nil {
			return nil, err
		}
		server, err := testserver.Postgres(dir)
		cleanups = append(cleanups, func() {
			if server != nil {
				server.Stop()
			}
			_ = os.RemoveAll(dir)
		})
		return server, err
	})
)

// Shared starts a server when it is first asked for.
func Shared(name string, start func(string, ...string) (*testserver.MySQL, error), options ...string) func() (*testserver.MySQL, error) {
	return sync.OnceValues(func() (*testserver.MySQL, error) {
		dir, err := os.MkdirTemp("", "target-"+name+"-")
		if err != nil {
			return nil, err
		}
		server, err := start(dir, options...)
		cleanups = append(cleanups, func() {
			if server != nil {
				server.Stop()
			}
			_ = os.RemoveAll(dir)
		})
		return server, err
	})
}

// Notes collects a Database's messages for the user.
type Notes struct{ Lines []string }

// Add takes a note.
func (n *Notes) Add(line string) { n.Lines = append(n.Lines, line) }

// Want demands a note with a text in it.
func (n *Notes) Want(t *testing.T, part string) {
	t.Helper()
	for _, line := range n.Lines {
		if strings.Contains(line, part) {
			return
		}
	}
	t.Errorf("no note has %q in it: %q", part, n.Lines)
}

// Open opens a database that is closed with the test.
func Open(t *testing.T, url string) (target.Database, *Notes) {
	t.Helper()
	return OpenPart(t, url, target.Part{})
}

// OpenPart opens a database for a pull of a part.
func OpenPart(t *testing.T, url string, part target.Part) (target.Database, *Notes) {
	t.Helper()
	Watch(t, ParseURL(t, url))
	said := &Notes{}
	return openAs(t, target.Config{URL: ParseURL(t, url), Part: part, Note: said.Add}), said
}

// opened has the URL of each database that a test has opened.
var opened sync.Map

// openAs opens a database, which is closed with the test.
func openAs(t *testing.T, config target.Config) target.Database {
	t.Helper()
	db, err := TryOpen(t, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TryOpen opens a database, which the test closes.
func TryOpen(t *testing.T, config target.Config) (target.Database, error) {
	t.Helper()
	db, err := openDatabase(t.Context(), config)
	if err == nil {
		opened.Store(db, config.URL)
		t.Cleanup(func() { opened.Delete(db) })
	}
	return db, err
}

// openDatabase opens the databases of the tests.
var openDatabase func(context.Context, target.Config) (target.Database, error)

// neighbourName is a database that no pull may touch.
const neighbourName = "neighbour"

// serverOf is the server of a URL.
func serverOf(u dburl.URL) testserver.Server {
	if u.Engine == dburl.Postgres {
		return &testserver.PG{Port: u.Port}
	}
	return &testserver.MySQL{Port: u.Port}
}

// watching are the tests that watch servers, by name and port.
var watching sync.Map

// Watch has a test look, when it ends, at what it must have left alone.
func Watch(t *testing.T, u dburl.URL) {
	t.Helper()
	key := fmt.Sprintf("%s %d", t.Name(), u.Port)
	if _, already := watching.LoadOrStore(key, true); !already {
		t.Cleanup(func() { watching.Delete(key) })
		testserver.Watch(t, serverOf(u), "", neighbourName)
	}
}

// alone fails the test where something changes more than a database and what lies beside it.
func alone(t *testing.T, u dburl.URL, live string, do func() error) error {
	t.Helper()
	changes, err := testserver.Look(serverOf(u), live, neighbourName)
	Must(t, err)
	result := do()
	if changes := changes(); len(changes) > 0 {
		t.Errorf("more than %s has changed:\n%s", live, strings.Join(changes, "\n"))
	}
	return result
}

// ParseURL parses the address of a database.
func ParseURL(t *testing.T, url string) dburl.URL {
	t.Helper()
	u, err := dburl.Parse(url)
	Must(t, err)
	return u
}

// DumpOf returns the provenance of a dump with a key and a fixed time.
func DumpOf(key string) target.Dump {
	return target.Dump{Key: key, Time: time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)}
}

// Pull loads, compares and swaps a dump without provenance.
func Pull(t *testing.T, db target.Database, dump string) error {
	t.Helper()
	return PullAs(t, db, dump, target.Dump{})
}

// PullAs is pull for a dump that has a name.
func PullAs(t *testing.T, db target.Database, dump string, name target.Dump) error {
	t.Helper()
	u, known := opened.Load(db)
	if !known {
		t.Fatal("the database was not opened by a helper of the tests")
	}
	return alone(t, u.(dburl.URL), db.Info().Name, func() error { return loadAndSwap(t, db, dump, name) })
}

func loadAndSwap(t *testing.T, db target.Database, dump string, name target.Dump) error {
	t.Helper()
	load, err := db.Begin(t.Context())
	if err != nil {
		return err
	}
	defer func() {
		if err := load.Discard(); err != nil {
			t.Errorf("discard: %v", err)
		}
	}()
	dialect, sure := sqltext.Detect([]byte(dump))
	if db.Info().Engine == "postgres" && !sure {
		dialect = sqltext.Postgres
	}
	stats, err := load.Run(t.Context(), strings.NewReader(dump), dialect, nil)
	if err != nil {
		return err
	}
	if err := load.Compare(t.Context(), stats); err != nil {
		return err
	}
	return load.Swap(t.Context(), name)
}

// Must ends the test where there is an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Command runs a program and gives its standard output.
func Command(t *testing.T, words ...string) string {
	t.Helper()
	var stderr strings.Builder
	c := exec.Command(words[0], words[1:]...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", words[0], err, stderr.String())
	}
	return string(out)
}

// Only is the part that consists of some tables.
func Only(tables ...string) target.Part {
	return target.Part{Has: func(table string) bool { return slices.Contains(tables, table) }, TablesOnly: true}
}

// AllBut is the part that consists of everything but some tables.
func AllBut(tables ...string) target.Part {
	return target.Part{Has: func(table string) bool { return !slices.Contains(tables, table) }}
}
