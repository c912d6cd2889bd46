package stories

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/faults"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// shardedFleet is a fleet that several processes of the program refresh at once. Its staging servers are slow lines to one server.
type shardedFleet struct {
	folder, bucket  string
	projects, hosts int
	store           *testserver.S3
	staging         *testserver.MySQL
}

const shardedPerHost = 2

// TestShardsOfTheProgram refreshes a fleet with several processes, some of which are killed while they read. Each project is published once, no
// staging server has more readers than it may have, and exit codes tell the truth.
func TestShardsOfTheProgram(t *testing.T) {
	t.Parallel()
	shards, victims, f := 4, 1, &shardedFleet{bucket: "sharded", projects: 12, hosts: 2}
	if os.Getenv("DUMP_TEST_LONG") != "" {
		shards, victims, f.projects, f.hosts = 10, 3, 40, 4
	}
	f.build(t)
	watch := f.watch(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var group sync.WaitGroup
	processes := make([]*shardProcess, shards)
	for i := range processes {
		p := f.start(t, i+1, shards)
		processes[i] = p
		group.Go(p.wait)
	}
	killed := 0
	for deadline := time.Now().Add(time.Minute); killed < victims && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		p := processes[random.IntN(shards)]
		if !p.reads() {
			continue
		}
		if time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond); p.reads() {
			_ = p.command.Process.Kill()
			<-p.done
			p.killed = true
			killed++
		}
	}
	group.Wait()
	if killed != victims {
		t.Errorf("%d processes were killed while they read, not %d", killed, victims)
	}
	for _, p := range processes {
		p.judge(t)
	}
	f.published(t)
	for host, most := range watch() {
		if most != shardedPerHost {
			t.Errorf("staging server %d had up to %d readers at once, instead of %d", host, most, shardedPerHost)
		}
	}
}

// build makes the databases and the projects. The database of the last project is missing.
func (f *shardedFleet) build(t *testing.T) {
	t.Helper()
	var err error
	if f.staging, err = testserver.MariaDB(filepath.Join(t.TempDir(), "staging")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.staging.Stop)
	if f.store, err = minio(); err != nil {
		t.Fatal(err)
	}
	if err := f.store.CreateBucket(f.bucket); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", f.staging.Port)
	var lines []string
	for range f.hosts {
		proxy, err := faults.NewTCP(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(proxy.Close)
		proxy.Damage(nil, faults.Trickle(32<<10, 20*time.Millisecond))
		lines = append(lines, proxy.Address())
	}
	f.folder = t.TempDir()
	yaml := fmt.Sprintf("per_host: %d\nparallel: 2\ndefaults: {prefix: \"{name}\", retries: 0, set: {DUMP_S3_BUCKET: %s, DUMP_S3_ENDPOINT: %q}}\nprojects:\n", shardedPerHost, f.bucket, f.store.Endpoint)
	for i := range f.projects {
		name := f.name(i)
		if i < f.projects-1 {
			err := f.staging.Exec("CREATE DATABASE "+name, "USE "+name, "CREATE TABLE "+name+".t (id INT PRIMARY KEY, x TEXT)", "INSERT INTO "+name+".t SELECT seq, REPEAT(MD5(seq), 40) FROM seq_1_to_800")
			if err != nil {
				t.Fatal(err)
			}
		}
		yaml += fmt.Sprintf("  - {path: %s, set: {DUMP_SOURCE: %q}}\n", name, strings.Replace(f.staging.URL(name), address, lines[i%f.hosts], 1))
		if err := os.MkdirAll(filepath.Join(f.folder, name, ".ddev"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(f.folder, name, ".ddev", "config.yaml"), []byte("name: "+name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(f.folder, "fleet.yaml"), []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (f *shardedFleet) name(i int) string { return fmt.Sprintf("sharded%02d", i) }

// watch looks all the time which databases are read. It returns what says how many of each staging server were read at once.
func (f *shardedFleet) watch(t *testing.T) func() map[int]int {
	t.Helper()
	done, most := make(chan struct{}), map[int]int{}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
			rows, err := f.staging.Query("SELECT DISTINCT db FROM information_schema.PROCESSLIST WHERE db LIKE 'sharded%'")
			if err != nil {
				t.Error(err)
				return
			}
			now := map[int]int{}
			for _, row := range rows {
				var i int
				if _, err := fmt.Sscanf(row[0], "sharded%d", &i); err == nil {
					now[i%f.hosts]++
				}
			}
			for host, n := range now {
				most[host] = max(most[host], n)
			}
		}
	})
	return func() map[int]int {
		close(done)
		group.Wait()
		return most
	}
}

// published requires one dump of each project, and none of the last one.
func (f *shardedFleet) published(t *testing.T) {
	t.Helper()
	keys, err := f.store.Keys(f.bucket)
	if err != nil {
		t.Fatal(err)
	}
	dumps := map[string]int{}
	for _, key := range keys {
		if strings.HasSuffix(key, ".sql.zst") {
			dumps[filepath.Dir(key)]++
		}
	}
	for i := range f.projects {
		if want := min(1, f.projects-1-i); dumps[f.name(i)] != want {
			t.Errorf("%s was published %d times, not %d", f.name(i), dumps[f.name(i)], want)
		}
	}
}

// shardProcess is one process of the program.
type shardProcess struct {
	command *exec.Cmd
	killed  bool
	done    chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

// Write takes what it prints.
func (p *shardProcess) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(text)
}

func (p *shardProcess) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (f *shardedFleet) start(t *testing.T, number, count int) *shardProcess {
	t.Helper()
	p := &shardProcess{done: make(chan struct{})}
	home := t.TempDir()
	p.command = exec.CommandContext(t.Context(), filepath.Join(workshop, "bin", "dump-helper"), "fleet", "refresh", fmt.Sprintf("--shard=%d/%d", number, count))
	p.command.Dir, p.command.Stdout, p.command.Stderr = f.folder, p, p
	p.command.Env = append(f.store.Owner().Environ(), "PATH="+os.Getenv("PATH"), "HOME="+home, "DUMP_CACHE_DIR="+home)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *shardProcess) wait() {
	_ = p.command.Wait()
	close(p.done)
}

func (p *shardProcess) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

var (
	shardBegins = regexp.MustCompile(`(?m)^(sharded\d+): one snapshot, `)
	shardEnds   = regexp.MustCompile(`(?m)^(sharded\d+): (published|failed)`)
)

// reads reports whether the process reads from staging.
func (p *shardProcess) reads() bool {
	text := p.said()
	return !p.ended() && len(shardBegins.FindAllString(text, -1)) > len(shardEnds.FindAllString(text, -1))
}

// judge requires that the process was killed, or that its exit code is what its table says.
func (p *shardProcess) judge(t *testing.T) {
	t.Helper()
	code, want := p.command.ProcessState.ExitCode(), 0
	states := regexp.MustCompile(`(?m)^sharded\d+ +(\S+)`).FindAllStringSubmatch(p.said(), -1)
	if slices.ContainsFunc(states, func(row []string) bool { return row[1] == "failed" }) {
		want = 13
	}
	if p.killed {
		want = -1
	}
	if code != want {
		t.Errorf("exit code %d, not %d:\n%s", code, want, p.said())
	}
}
