package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

const (
	bucket = "bench"
	// The promises. The helper's children are in the peak too.
	mostRatio = 1.0
	mostPeak  = 150 << 20
)

// figures is what was measured.
type figures struct {
	CPUs        int     `json:"cpus"`
	Megabytes   int     `json:"size_mb"`
	S3          string  `json:"s3"`
	Refresh     []cost  `json:"refresh"`
	RefreshPeer []cost  `json:"refresh_peer"`
	Pull        []cost  `json:"pull"`
	PullPeer    []cost  `json:"pull_peer"`
	Ratio       float64 `json:"refresh_ratio"`
	PullRatio   float64 `json:"pull_ratio"`
}

// site is what the bench works on.
type site struct {
	options
	dir, project, helper string
	staging, local       *testserver.MySQL
	s3                   *testserver.S3
	environ              []string
}

func bench(ctx context.Context) (err error) {
	o, err := readOptions()
	if err != nil {
		return err
	}
	s := &site{options: o}
	if s.helper, err = filepath.Abs(filepath.Join("bin", "dump-helper")); err != nil {
		return err
	}
	for _, program := range []string{s.helper, "mariadb-dump", "mariadb", "zstd", "aws", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: `make bench` installs and builds what is needed", err)
		}
	}
	if s.dir, err = os.MkdirTemp(o.under, "dump-bench-"); err != nil {
		return err
	}
	defer func() {
		s.stop()
		err = errors.Join(err, os.RemoveAll(s.dir))
	}()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	f := figures{CPUs: runtime.NumCPU(), Megabytes: o.megabytes, S3: o.server}
	if err := s.wayUp(ctx, &f); err != nil {
		return err
	}
	if err := s.wayDown(ctx, &f); err != nil {
		return err
	}
	f.Ratio, f.PullRatio = ratio(f.Refresh, f.RefreshPeer), ratio(f.Pull, f.PullPeer)
	if o.report != "" {
		text, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.report, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return f.judge()
}

func (s *site) stop() {
	if s.staging != nil {
		s.staging.Kill()
	}
	if s.local != nil {
		s.local.Kill()
	}
	if s.s3 != nil {
		s.s3.Kill()
	}
}

// prepare starts the servers, fills staging and writes the project.
func (s *site) prepare(ctx context.Context) (err error) {
	say("starting two MariaDB servers and %s", s.server)
	// Staging keeps all of its data in memory: the disk is not what is compared.
	if s.staging, err = testserver.MariaDB(filepath.Join(s.dir, "staging"), fmt.Sprintf("--innodb-buffer-pool-size=%dM", 256+s.megabytes*3/2)); err != nil {
		return err
	}
	if s.local, err = testserver.MariaDB(filepath.Join(s.dir, "local"), "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M"); err != nil {
		return err
	}
	start := func(dir string) (*testserver.S3, error) { return testserver.VersityGW(dir) }
	if s.server == "minio" {
		start = func(dir string) (*testserver.S3, error) { return testserver.MinIO(dir) }
	}
	if s.s3, err = start(filepath.Join(s.dir, "s3")); err != nil {
		return err
	}
	if err := s.s3.CreateBucket(bucket); err != nil {
		return err
	}
	if err := s.staging.Exec("CREATE DATABASE drupal"); err != nil {
		return err
	}
	say("filling staging with %d MB of SQL", s.megabytes)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if _, err := measure(ctx, os.Environ(), s.dir, self, loadVerb, s.staging.URL("drupal"), strconv.Itoa(s.megabytes)); err != nil {
		return err
	}
	s.project = filepath.Join(s.dir, "project")
	if err := os.MkdirAll(filepath.Join(s.project, ".ddev"), 0o755); err != nil {
		return err
	}
	// No preset belongs to the type php: all rows go up, as with the peer.
	if err := os.WriteFile(filepath.Join(s.project, ".ddev", "config.yaml"), []byte("name: bench\ntype: php\n"), 0o644); err != nil {
		return err
	}
	s.environ = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "AWS_") || strings.HasPrefix(entry, "DUMP_")
	})
	s.environ = append(s.environ, s.s3.Owner().Environ()...)
	s.environ = append(s.environ, "AWS_DEFAULT_REGION="+s.s3.Region,
		"DUMP_S3_BUCKET="+bucket, "DUMP_S3_ENDPOINT="+s.s3.Endpoint, "DUMP_S3_REGION="+s.s3.Region, "DUMP_S3_PATH_STYLE=true",
		"DUMP_SOURCE="+s.staging.URL("drupal"), "DUMP_TARGET="+s.local.URL("db"))
	return nil
}

// shell gives the command line of a pipeline that fails if any part of it does.
func shell(format string, arguments ...any) []string {
	return []string{"bash", "-eu", "-o", "pipefail", "-c", fmt.Sprintf(format, arguments...)}
}

func (s *site) dumpPeer() []string {
	return shell("mariadb-dump --no-defaults --host=127.0.0.1 --port=%d --user=root --single-transaction --quick --routines --triggers drupal"+
		" | zstd -1 --quiet | aws --endpoint-url %s s3 cp - s3://%s/peer.sql.zst", s.staging.Port, s.s3.Endpoint, bucket)
}

func (s *site) loadPeer() []string {
	return shell("aws --endpoint-url %s s3 cp s3://%s/peer.sql.zst - | zstd -dc --quiet"+
		" | mariadb --no-defaults --host=127.0.0.1 --port=%d --user=root peer", s.s3.Endpoint, bucket, s.local.Port)
}

// wayUp times refreshes and their peer by turns. One dump of each kind stays in the bucket.
func (s *site) wayUp(ctx context.Context, f *figures) error {
	warm := shell("mariadb-dump --no-defaults --host=127.0.0.1 --port=%d --user=root --single-transaction --quick drupal > /dev/null", s.staging.Port)
	if _, err := measure(ctx, s.environ, s.dir, warm...); err != nil {
		return err
	}
	say("the way up: %d times dump-helper refresh, and mariadb-dump | zstd -1 | aws s3 cp -", s.runs)
	for i := range s.runs {
		if err := s.deleteDumps(); err != nil {
			return err
		}
		ours, peers, err := s.both(ctx, i%2 == 1, []string{s.helper, "refresh", "--quiet"}, s.dumpPeer())
		if err != nil {
			return err
		}
		f.Refresh, f.RefreshPeer = append(f.Refresh, ours), append(f.RefreshPeer, peers)
	}
	return nil
}

func (s *site) wayDown(ctx context.Context, f *figures) error {
	say("the way down: %d times dump-helper pull with an empty cache, and aws s3 cp - | zstd -dc | mariadb", s.pullRuns)
	for i := range s.pullRuns {
		if err := s.local.Exec("DROP DATABASE IF EXISTS db", "CREATE DATABASE db", "DROP DATABASE IF EXISTS peer", "CREATE DATABASE peer"); err != nil {
			return err
		}
		cache := filepath.Join(s.dir, "cache")
		if err := os.RemoveAll(cache); err != nil {
			return err
		}
		ours, peers, err := s.both(ctx, i%2 == 1, []string{s.helper, "pull", "--yes", "--quiet", "--set", "DUMP_CACHE_DIR=" + cache}, s.loadPeer())
		if err != nil {
			return err
		}
		f.Pull, f.PullPeer = append(f.Pull, ours), append(f.PullPeer, peers)
	}
	return nil
}

// both measures two commands, the second first if asked.
func (s *site) both(ctx context.Context, peerFirst bool, ours, peer []string) (cost, cost, error) {
	var costs [2]cost
	order := []int{0, 1}
	if peerFirst {
		slices.Reverse(order)
	}
	for _, which := range order {
		words := [][]string{ours, peer}[which]
		c, err := measure(ctx, s.environ, s.project, words...)
		if err != nil {
			return cost{}, cost{}, err
		}
		costs[which] = c
		say("  %-6s %s", [...]string{"helper", "peer"}[which], c)
	}
	return costs[0], costs[1], nil
}

// deleteDumps empties the bucket, so that every run finds the same and the disk does not fill.
func (s *site) deleteDumps() error {
	keys, err := s.s3.Keys(bucket)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := s.s3.DeleteObject(bucket, key); err != nil {
			return err
		}
	}
	return nil
}

// judge prints the medians and says whether the promises hold.
func (f *figures) judge() error {
	say("")
	report("up", f.Ratio, f.Refresh, f.RefreshPeer)
	report("down", f.PullRatio, f.Pull, f.PullPeer)
	var broken []error
	if f.Ratio > mostRatio {
		broken = append(broken, fmt.Errorf("a refresh takes %.3f times as long as its peer, promised is %.1f", f.Ratio, mostRatio))
	}
	for _, way := range []struct {
		name  string
		costs []cost
	}{{"up", f.Refresh}, {"down", f.Pull}} {
		if peak := highest(way.costs); peak >= mostPeak {
			broken = append(broken, fmt.Errorf("the way %s took %d MiB of memory, promised is less than %d MiB", way.name, peak>>20, mostPeak>>20))
		}
	}
	return errors.Join(broken...)
}

func report(way string, ratio float64, ours, peers []cost) {
	say("%-5s helper %s", way, medians(ours))
	say("%-5s peer   %s", "", medians(peers))
	say("%-5s ratio of the times: %.3f", "", ratio)
}

func (c cost) String() string {
	return fmt.Sprintf("%6.2f s wall, %6.2f s CPU, peak memory %3d MiB alone, %3d MiB with its children", c.Wall, c.CPU, c.Own>>20, c.TreePeak>>20)
}

func ratio(ours, peers []cost) float64 { return medians(ours).Wall / medians(peers).Wall }

// medians gives the median of each figure.
func medians(costs []cost) cost {
	return cost{
		Wall:     median(costs, func(c cost) float64 { return c.Wall }),
		CPU:      median(costs, func(c cost) float64 { return c.CPU }),
		Peak:     int64(median(costs, func(c cost) float64 { return float64(c.Peak) })),
		Own:      int64(median(costs, func(c cost) float64 { return float64(c.Own) })),
		TreePeak: int64(median(costs, func(c cost) float64 { return float64(c.TreePeak) })),
	}
}

func median(costs []cost, field func(cost) float64) float64 {
	values := make([]float64, len(costs))
	for i, c := range costs {
		values[i] = field(c)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func highest(costs []cost) int64 {
	most := int64(0)
	for _, c := range costs {
		most = max(most, c.Peak)
	}
	return most
}

// say writes a line of talk; the figures are in BENCH_JSON.
func say(format string, arguments ...any) { fmt.Printf(format+"\n", arguments...) }
