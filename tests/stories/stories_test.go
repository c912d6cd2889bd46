// Package stories runs the compiled dump-helper as its users do, against real servers. Each file in testdata is a story: a testscript
// with the files that it needs.
//
// A story has a DDEV project in $WORK/site, an empty staging database $STAGING and a local database $LOCAL on two MariaDB servers,
// and a bucket $BUCKET on MinIO. Its environment names them. The commands beyond testscript's are in commands_test.go.
package stories

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// workshop is the folder with the servers' data and the program under test.
var workshop string

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	var err error
	if workshop, err = os.MkdirTemp("", "stories-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		for _, stop := range stops {
			stop()
		}
		_ = os.RemoveAll(workshop)
	}()
	// PostgreSQL's own account needs access to its data.
	if err := os.Chmod(workshop, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("go", "build", "-o", filepath.Join(workshop, "bin", "dump-helper"), "github.com/jobiqo/dump-refresh/helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program under test: %s\n%s", err, out)
		return 1
	}
	// Stories wait for servers and clocks more than they compute, so more of them run side by side than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(2*max(2, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

var (
	stops     []func()
	stopsLock sync.Mutex
)

// server starts a server when the first story needs it, and stops it after the last one.
func server[S interface{ Stop() }](name string, start func(dir string) (S, error)) func() (S, error) {
	return sync.OnceValues(func() (S, error) {
		s, err := start(filepath.Join(workshop, name))
		if err == nil {
			stopsLock.Lock()
			defer stopsLock.Unlock()
			stops = append(stops, s.Stop)
		}
		return s, err
	})
}

var (
	stagingServer = server("staging", func(dir string) (*testserver.MySQL, error) { return testserver.MariaDB(dir) })
	localServer   = judged("local", func(dir string) (*testserver.MySQL, error) { return testserver.MariaDB(dir) })
	oldStaging    = server("old-staging", func(dir string) (*testserver.MySQL, error) { return testserver.OldMariaDB(dir) })
	staging114    = server("staging-11.4", func(dir string) (*testserver.MySQL, error) { return testserver.MariaDB114(dir) })
	local114      = judged("local-11.4", func(dir string) (*testserver.MySQL, error) { return testserver.MariaDB114(dir) })
	oldLocal      = judged("old-local", func(dir string) (*testserver.MySQL, error) { return testserver.OldMariaDB(dir) })
	mysqlStaging  = server("mysql-staging", func(dir string) (*testserver.MySQL, error) { return testserver.Mysqld(dir) })
	mysqlLocal    = judged("mysql-local", func(dir string) (*testserver.MySQL, error) { return testserver.Mysqld(dir) })
	pgServer      = judged("postgres", func(dir string) (*testserver.PG, error) { return testserver.Postgres(dir) })
	minio         = server("minio", func(dir string) (*testserver.S3, error) { return testserver.MinIO(dir, testserver.KMS()) })
	versitygw     = server("versitygw", func(dir string) (*testserver.S3, error) { return testserver.VersityGW(dir) })
	sshd          = server("sshd", func(dir string) (*testserver.SSH, error) { return testserver.SSHD(dir) })
)

func TestStories(t *testing.T) {
	t.Cleanup(func() { judgeAll(t) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_STORIES") != "",
		Setup:               setUp,
		Cmds:                commands,
	})
}

var storyNumber atomic.Int32

// setUp gives a story its databases, its bucket and its project.
func setUp(env *testscript.Env) error {
	staging, err := stagingServer()
	if err != nil {
		return err
	}
	local, err := localServer()
	if err != nil {
		return err
	}
	store, err := minio()
	if err != nil {
		return err
	}
	number := storyNumber.Add(1)
	story := &story{
		number: int(number), staging: staging, local: local, store: store,
		database: fmt.Sprintf("story_%d", number), bucket: fmt.Sprintf("story-%d", number),
	}
	env.Values[storyKey] = story
	story.watch = func(server localDatabases) error {
		return watch(env, story, server, fmt.Sprintf("neighbour_%d", number))
	}
	if err := staging.Exec("CREATE DATABASE " + story.database); err != nil {
		return err
	}
	if err := local.Exec("CREATE DATABASE " + story.database); err != nil {
		return err
	}
	if err := store.CreateBucket(story.bucket); err != nil {
		return err
	}
	env.Defer(func() {
		_ = staging.Exec("DROP DATABASE IF EXISTS " + story.database)
		_ = local.Exec("DROP DATABASE IF EXISTS " + story.database)
	})
	if err := story.watch(local); err != nil { // before its databases are dropped
		return err
	}
	home := filepath.Join(env.WorkDir, "home")
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("PATH", filepath.Join(workshop, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	env.Setenv("STAGING", staging.URL(story.database))
	env.Setenv("LOCAL", local.URL(story.database))
	exports, err := filepath.Abs("../exports/dumps")
	if err != nil {
		return err
	}
	env.Setenv("EXPORTS", exports)
	env.Setenv("DATABASE", story.database)
	env.Setenv("STAGING_SOCKET", staging.Socket)
	env.Setenv("LOCAL_SOCKET", local.Socket)
	env.Setenv("STAGING_PORT", fmt.Sprint(staging.Port))
	env.Setenv("LOCAL_PORT", fmt.Sprint(local.Port))
	env.Setenv("BUCKET", story.bucket)
	env.Setenv("ENDPOINT", store.Endpoint)
	env.Setenv("DUMP_CACHE_DIR", filepath.Join(env.WorkDir, "cache"))
	for _, pair := range store.Owner().Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env.Setenv(name, value)
	}
	return story.writeProject(env)
}

// watch fails a story that changes a neighbour of its database, leaves a foreign key that leads into or out of a database beside a live
// one, or a database beside it that no pull keeps.
func watch(env *testscript.Env, story *story, server localDatabases, neighbour string) error {
	changes, err := testserver.Look(server, "", neighbour)
	if err != nil {
		return err
	}
	env.Defer(func() {
		if changes := changes(); len(changes) > 0 {
			env.T().Fatal("the neighbour of the story's database is not as it was:\n" + strings.Join(changes, "\n"))
		}
		if server, is := any(server).(*testserver.MySQL); is {
			if stray, _ := server.StrayKeys(); len(stray) > 0 { // of a server that is gone nothing is said
				env.T().Fatal("foreign keys lead astray:\n" + strings.Join(stray, "\n"))
			}
		}
		if left, _ := story.clear(server); len(left) > 0 {
			env.T().Fatal("left behind:\n" + strings.Join(left, "\n"))
		}
	})
	return nil
}

// writeProject makes the DDEV project in $WORK/site, unless the story brings its own.
func (s *story) writeProject(env *testscript.Env) error {
	folder := filepath.Join(env.WorkDir, "site", ".ddev")
	path := filepath.Join(folder, "config.yaml")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(fmt.Sprintf(`name: shop
type: drupal
database:
  type: mariadb
  version: "10.11"
web_environment:
  - DUMP_S3_BUCKET=%s
  - DUMP_S3_ENDPOINT=%s
  - DUMP_S3_REGION=us-east-1
  - DUMP_SOURCE=%s
  - DUMP_TARGET=%s
`, s.bucket, s.store.Endpoint, s.staging.URL(s.database), s.local.URL(s.database))), 0o644)
}
