package fleet_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// shardsOf is a fleet whose shards are processes. All of them write into one log what they do with staging.
type shardsOf struct {
	S3    *testserver.S3
	Log   string
	Shard fleet.Shard
}

const (
	shardProjects, shardHosts = 40, 4
	shardPerHost              = 2
)

// projects has the same projects in each shard. All are due.
func (s *shardsOf) projects() (projects []fleet.Project) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range shardProjects {
		name, host := fmt.Sprintf("p%02d", i), fmt.Sprintf("staging-%d", i%shardHosts)
		takes := time.Duration(300+random.IntN(1500)) * time.Millisecond
		config := bucket.Config{
			Bucket: "dumps", Prefix: name, Project: name, Endpoint: s.S3.Endpoint, PathStyle: true, Region: s.S3.Region,
			Environment: map[string]string{"AWS_ACCESS_KEY_ID": s.S3.AccessKey, "AWS_SECRET_ACCESS_KEY": s.S3.SecretKey},
		}
		projects = append(projects, fleet.Project{
			Name: name, Slot: name, Host: host, Place: "s3://dumps/" + name, Store: "s3://dumps/" + name,
			Policy: fleet.Policy{MaxAge: time.Hour},
			Open:   func(ctx context.Context) (*bucket.Bucket, error) { return bucket.Open(ctx, config) },
			Refresh: func(ctx context.Context, turn fleet.Turn) (fleet.Outcome, error) {
				return s.refresh(ctx, turn, config, host, takes)
			},
		})
	}
	return projects
}

// refresh does what a refresh does, but for the rows.
func (s *shardsOf) refresh(ctx context.Context, turn fleet.Turn, config bucket.Config, host string, takes time.Duration) (fleet.Outcome, error) {
	store, err := bucket.Open(ctx, config)
	if err != nil {
		return fleet.Outcome{}, err
	}
	yielded := false
	lease, err := store.Acquire(ctx, bucket.LeaseOptions{Holder: s.Shard.String(), Wait: func(holder string) {
		yielded = true
		turn.Yield(holder)
	}})
	if err != nil {
		return fleet.Outcome{}, err
	}
	if lease.Result() != "" {
		return fleet.Outcome{State: fleet.Fresh, Key: lease.Result()}, nil
	}
	published := bucket.Published{}
	defer func() { _ = lease.Release(ctx, published) }()
	if yielded {
		if err := turn.Resume(lease.Context()); err != nil {
			return fleet.Outcome{}, err
		}
	}
	if newest, err := store.Newest(ctx); !errors.Is(err, bucket.ErrEmpty) {
		return fleet.Outcome{State: fleet.Fresh, Key: newest.Key}, err
	}
	s.say("begin %s %s", host, config.Project)
	err = clock.Sleep(lease.Context(), takes)
	s.say("end %s %s", host, config.Project)
	if err != nil {
		return fleet.Outcome{}, err
	}
	key := fmt.Sprintf("%s/%s-%s-%06x.sql.zst", config.Prefix, config.Project, store.Now().Format("20060102T150405Z"), rand.IntN(1<<24))
	if err := s.S3.PutObject("dumps", key, []byte("dump")); err != nil {
		return fleet.Outcome{}, err
	}
	published.Key = key
	return fleet.Outcome{State: fleet.Published, Key: key}, nil
}

// say adds a line to the log, with the process and the time.
func (s *shardsOf) say(format string, values ...any) {
	file, err := os.OpenFile(s.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	fmt.Fprintf(file, "%d %d %s\n", time.Now().UnixNano(), os.Getpid(), fmt.Sprintf(format, values...))
}

// TestShardProcess is what the processes of the test below run.
func TestShardProcess(t *testing.T) {
	words := strings.Fields(os.Getenv("FLEET_TEST_SHARD"))
	if len(words) == 0 {
		t.Skip("only for TestShardsThatAreKilled")
	}
	shard, err := fleet.ParseShard(words[0])
	if err != nil {
		t.Fatal(err)
	}
	s := &shardsOf{S3: &testserver.S3{Endpoint: words[1], Region: words[2], AccessKey: words[3], SecretKey: words[4]}, Log: words[5], Shard: shard}
	items, err := fleet.Survey(t.Context(), s.projects(), shard, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	runner := fleet.Runner{
		Limits: fleet.Limits{Parallel: 2, PerHost: shardPerHost}, Shard: shard, Holder: shard.String(),
		MayPass: func(error) bool { return false }, Hint: func(error) string { return "" }, Watcher: shardWatcher{s},
	}
	bad := 0
	for _, result := range runner.Run(t.Context(), items) {
		if !result.State.Good() {
			s.say("bad %s %s %s", result.Project, result.State, result.Error)
			bad++
		}
	}
	if bad > 0 {
		os.Exit(13)
	}
	os.Exit(0)
}

type shardWatcher struct{ *shardsOf }

func (shardWatcher) TakeOver(*fleet.Project)                    {}
func (shardWatcher) Begin(*fleet.Project, int) fleet.Lane       { return shardLane{} }
func (shardWatcher) Retry(*fleet.Project, error, time.Duration) {}
func (shardWatcher) End(fleet.Result)                           {}
func (w shardWatcher) Note(p *fleet.Project, line string)       { w.say("note %s %s", p.Name, line) }

type shardLane struct{ dump.Progress }

func (shardLane) Phase(string, int64) {}
func (shardLane) Advance(int64)       {}
func (shardLane) Note(string)         {}
func (shardLane) Close()              {}

// Ten shards are processes, three of which are killed while they read from staging. Each project is refreshed once, never more than two at once
// from one staging server, and whoever says that all is well is right.
func TestShardsThatAreKilled(t *testing.T) {
	if os.Getenv("DUMP_TEST_LONG") == "" {
		t.Skip("the leases of dead processes need half a minute each; DUMP_TEST_LONG=1 runs it")
	}
	server, err := testserver.MinIO(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.CreateBucket("dumps"); err != nil {
		t.Fatal(err)
	}
	const count = 10
	s := &shardsOf{S3: server, Log: filepath.Join(t.TempDir(), "log")}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	killed, codes := map[int]time.Time{}, map[int]int{}
	var group sync.WaitGroup
	dead := random.Perm(count)[:3]
	for index := range count {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestShardProcess$")
		command.Env = append(os.Environ(), "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "FLEET_TEST_SHARD="+
			strings.Join([]string{fleet.Shard{Index: index + 1, Count: count}.String(), server.Endpoint, server.Region, server.AccessKey, server.SecretKey, s.Log}, " "))
		command.Stderr = os.Stderr
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		pid, patience := command.Process.Pid, time.Duration(random.IntN(int(2*time.Second)))
		if slices.Contains(dead, index) {
			group.Go(func() {
				for t.Context().Err() == nil && !s.reads(pid) {
					time.Sleep(5 * time.Millisecond)
				}
				for time.Sleep(patience); t.Context().Err() == nil && !s.reads(pid); time.Sleep(5 * time.Millisecond) {
					if command.Process.Signal(syscall.Signal(0)) != nil {
						return // its share was too small
					}
				}
				_ = command.Process.Kill()
				mu.Lock()
				killed[pid] = time.Now()
				mu.Unlock()
			})
		}
		group.Go(func() {
			_ = command.Wait()
			mu.Lock()
			codes[index] = command.ProcessState.ExitCode()
			mu.Unlock()
		})
	}
	group.Wait()
	keys, err := server.Keys("dumps")
	if err != nil {
		t.Fatal(err)
	}
	dumps := map[string]int{}
	for _, key := range keys {
		if strings.HasSuffix(key, ".sql.zst") {
			dumps[filepath.Dir(key)]++
		}
	}
	for i := range shardProjects {
		if name := fmt.Sprintf("p%02d", i); dumps[name] != 1 {
			t.Errorf("%s was published %d times", name, dumps[name])
		}
	}
	for index, code := range codes {
		if code != 0 && !slices.Contains(dead, index) {
			t.Errorf("shard %d ended with %d, although all projects are fresh", index+1, code)
		}
	}
	if len(killed) != len(dead) {
		t.Errorf("%d were killed", len(killed))
	}
	s.judge(t, killed)
}

// reads reports whether a process reads from staging.
func (s *shardsOf) reads(pid int) bool {
	text, _ := os.ReadFile(s.Log)
	return strings.Count(string(text), fmt.Sprintf(" %d begin ", pid)) > strings.Count(string(text), fmt.Sprintf(" %d end ", pid))
}

// judge requires that no staging server ever had more readers than it may have, and that they were not fewer all the time.
func (s *shardsOf) judge(t *testing.T, killed map[int]time.Time) {
	t.Helper()
	file, err := os.Open(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	readers, most := map[string]map[string]int{}, map[string]int{}
	waited := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var at int64
		var pid int
		var what, host, project string
		_, _ = fmt.Sscan(lines.Text(), &at, &pid, &what, &host, &project)
		if readers[host] == nil {
			readers[host] = map[string]int{}
		}
		switch what {
		case "begin":
			for other, of := range readers[host] {
				if end, dead := killed[of]; dead && end.UnixNano() < at {
					delete(readers[host], other)
				}
			}
			readers[host][project] = pid
			most[host] = max(most[host], len(readers[host]))
		case "end":
			delete(readers[host], project)
		case "note":
			waited = waited || strings.HasSuffix(lines.Text(), "waits: other shards read 2 databases of this staging server, which is what per_host allows")
		default:
			t.Error(lines.Text())
		}
	}
	for host, n := range most {
		if n > shardPerHost {
			t.Errorf("%s had up to %d readers", host, n)
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(most)), shardPerHost) {
		t.Errorf("no staging server had several readers: %v", most)
	}
	if !waited {
		t.Error("nobody said that he waits")
	}
}
