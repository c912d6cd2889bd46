package pull

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/tests/faults"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// workshop is the folder with the servers' data.
var workshop string

var (
	mariadb = sync.OnceValues(func() (*testserver.MySQL, error) { return testserver.MariaDB(filepath.Join(workshop, "mariadb")) })
	minio   = sync.OnceValues(func() (*testserver.S3, error) { return testserver.MinIO(filepath.Join(workshop, "minio")) })
)

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	var err error
	if workshop, err = os.MkdirTemp("", "pull-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(workshop)
	defer func() {
		if server, err := mariadb(); err == nil {
			server.Stop()
		}
		if server, err := minio(); err == nil {
			server.Stop()
		}
	}()
	return m.Run()
}

// site is a bucket with dumps, behind a proxy, and a local database that a pull replaces.
type site struct {
	t        *testing.T
	db       *testserver.MySQL
	store    *testserver.S3
	name     string // the bucket's and the database's
	endpoint string
	proxy    *faults.HTTP
	cacheDir string
	watch    *watcher

	onGet   atomic.Pointer[func(w http.ResponseWriter, r *http.Request, from int64) bool]
	mutex   sync.Mutex
	fetched map[int64]int // the number of requests by offset in a dump
}

var sites atomic.Int64

func newSite(t *testing.T) *site {
	t.Helper()
	db, err := mariadb()
	if err != nil {
		t.Fatal(err)
	}
	store, err := minio()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		t: t, db: db, store: store, name: fmt.Sprintf("site-%d", sites.Add(1)), cacheDir: filepath.Join(t.TempDir(), "cache"),
		watch: &watcher{}, fetched: map[int64]int{},
	}
	if err := store.CreateBucket(s.name); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("CREATE DATABASE `"+s.name+"`", "CREATE TABLE `"+s.name+"`.mine (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	testserver.Watch(t, db, s.name, "neighbour")
	proxy, err := faults.NewHTTP(store.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
		var from, to int64
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err == nil && r.Method == http.MethodGet {
			s.mutex.Lock()
			s.fetched[from]++
			s.mutex.Unlock()
			f := s.onGet.Load()
			return f != nil && (*f)(w, r, from)
		}
		return false
	})
	t.Cleanup(proxy.Close)
	s.endpoint, s.proxy = proxy.URL, proxy
	return s
}

// hold delays requests for anything after the dump's first two ranges; release lets them continue.
func (s *site) hold() (release func()) {
	open := make(chan struct{})
	s.meddle(func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-open:
			return false
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	})
	return sync.OnceFunc(func() { close(open) })
}

// rangeSize is how many bytes one request fetches.
const rangeSize = 8 << 20

// meddle calls a function for each request for anything after the dump's first range, except the index.
func (s *site) meddle(f func(w http.ResponseWriter, r *http.Request) bool) {
	g := func(w http.ResponseWriter, r *http.Request, from int64) bool {
		return from >= rangeSize && from%rangeSize == 0 && f(w, r)
	}
	s.onGet.Store(&g)
}

const dumpName = "shop-20261122T063000Z-4f1c2a.sql.zst"

func (s *site) put(body []byte) {
	s.t.Helper()
	if err := s.store.PutObject(s.name, "shop/"+dumpName, body); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) config() Config {
	s.t.Helper()
	target, err := dburl.Parse(s.db.URL(s.name))
	if err != nil {
		s.t.Fatal(err)
	}
	return Config{
		Target: target, BucketName: s.name, CacheDir: s.cacheDir, Progress: s.watch, Force: true,
		OpenBucket: func(ctx context.Context) (*bucket.Bucket, error) {
			return bucket.Open(ctx, bucket.Config{Bucket: s.name, Prefix: "shop", Project: "shop", Endpoint: s.endpoint, Region: s.store.Region,
				Environment: map[string]string{"AWS_ACCESS_KEY_ID": s.store.AccessKey, "AWS_SECRET_ACCESS_KEY": s.store.SecretKey}})
		},
	}
}

func (s *site) pull(ctx context.Context) (Result, error) { return pullWith(ctx, s.config()) }

func pullWith(ctx context.Context, config Config) (Result, error) {
	plan, err := Prepare(ctx, config)
	if err != nil {
		return Result{}, err
	}
	defer plan.Close()
	return plan.Run(ctx)
}

// pullAside pulls in the background.
func (s *site) pullAside(ctx context.Context) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		result, err := s.pull(ctx)
		done <- outcome{result, err}
	}()
	return done
}

type outcome struct {
	Result
	err error
}

// loading waits until the scratch database has rows.
func (s *site) loading() {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if rows, err := s.db.Query("SELECT COUNT(*) FROM `" + s.name + "__dump_incoming`.a"); err == nil && rows[0][0] != "0" {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("nothing is loaded")
		}
	}
}

// firstRange waits until the whole first range has been fetched.
func (s *site) firstRange() {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		for _, name := range s.cached() {
			info, err := os.Stat(filepath.Join(filepath.Dir(s.cachePath()), name))
			if err == nil && strings.HasSuffix(name, ".part") && info.Size() >= rangeSize {
				return
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatal("the first range does not come")
		}
	}
}

// wantLoaded compares the local database with the dump's text as the server's own client loads it.
func (s *site) wantLoaded(sql []byte) {
	s.t.Helper()
	reference := s.name + "_reference"
	if err := s.db.Exec("CREATE OR REPLACE DATABASE `"+reference+"`", "USE `"+reference+"`", string(sql)); err != nil {
		s.t.Fatal(err)
	}
	want, err := s.db.Checksums(reference)
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := s.db.Checksums(s.name)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("the local database is not that of the dump (-want +got)\n%s", diff)
	}
}

// wantUntouched fails if a failed pull has left anything behind.
func (s *site) wantUntouched() {
	s.t.Helper()
	sums, err := s.db.Checksums(s.name)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, there := sums["mine"]; !there || len(sums) != 1 {
		s.t.Errorf("the local database is %v", sums)
	}
	if rows, err := s.db.Query("SHOW DATABASES LIKE '" + s.name + "\\_\\_%'"); err != nil || len(rows) > 0 {
		s.t.Errorf("left behind: %v, %v", rows, err)
	}
}

// cached lists the files of the cache, without locks.
func (s *site) cached() (names []string) {
	found, err := filepath.Glob(filepath.Join(s.cacheDir, s.name, "shop", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range found {
		if name := filepath.Base(path); filepath.Ext(name) != ".lock" {
			names = append(names, name)
		}
	}
	return names
}

func (s *site) cachePath() string { return filepath.Join(s.cacheDir, s.name, "shop", dumpName) }

// wantCached fails unless the cache has an exact copy of the dump and nothing else.
func (s *site) wantCached(object []byte) {
	s.t.Helper()
	if diff := cmp.Diff([]string{dumpName, dumpName + ".json"}, s.cached()); diff != "" {
		s.t.Errorf("cache (-want +got)\n%s", diff)
	}
	if got, err := os.ReadFile(s.cachePath()); err != nil || !bytes.Equal(got, object) {
		s.t.Errorf("the cached dump has %d bytes that are not those of the object, %v", len(got), err)
	}
}

// watcher records the progress of a pull.
type watcher struct {
	mutex   sync.Mutex
	lines   []string // phases and notes
	done    int64    // bytes of the current phase
	advance func()   // may delay the load
}

func (w *watcher) Phase(name string, _ int64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.lines, w.done = append(w.lines, name), 0
}

func (w *watcher) Advance(n int64) {
	w.mutex.Lock()
	w.done += n
	advance := w.advance
	w.mutex.Unlock()
	if advance != nil {
		advance()
	}
}

func (w *watcher) Note(line string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.lines = append(w.lines, line)
}

func (w *watcher) has(line string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Contains(w.lines, line)
}

// texts are whole statements with their sections.
type texts struct {
	sql   []byte
	about dumpfile.About
}

// bigDump is a dump of about 19 MB that do not compress: two tables, and a statement of several chunks.
func bigDump() []texts {
	rng := rand.New(rand.NewPCG(7, 7))
	row := func(table string, id, size int) texts {
		raw := make([]byte, size)
		for i := range raw {
			raw[i] = byte(rng.Uint32())
		}
		return texts{
			fmt.Appendf(nil, "INSERT INTO `%s` VALUES (%d,'%s');\n", table, id, base64.StdEncoding.EncodeToString(raw)),
			dumpfile.About{Section: dump.Rows, Table: table, Rows: 1},
		}
	}
	made := []texts{{
		[]byte("-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\nCREATE TABLE `a` (`id` int(11) NOT NULL, `v` longtext, PRIMARY KEY (`id`));\n" +
			"CREATE TABLE `b` (`id` int(11) NOT NULL, `v` longtext, PRIMARY KEY (`id`));\nCREATE TABLE `c` (`id` int(11));\n"),
		dumpfile.About{Section: dump.Head},
	}}
	for id := range 10 {
		made = append(made, row("a", id, 1<<20))
	}
	made = append(made, row("b", 1, 7<<20))
	for id := range 8 {
		made = append(made, row("b", 2+id, 1<<18))
	}
	return append(made, texts{[]byte("-- Dump completed on 2026-11-22  6:30:00\n"), dumpfile.About{Section: dump.Tail}})
}

type buffer struct{ bytes.Buffer }

func (*buffer) Room() int64 { return 0 }

// write makes a dump of ours from texts, each with its section.
func write(t *testing.T, dump []texts) (object, sql []byte) {
	t.Helper()
	var out buffer
	writer, err := dumpfile.NewWriter(t.Context(), &out, dumpfile.Zstd, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	index := dumpfile.Index{Engine: "mariadb", SnapshotTime: time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)}
	rows := map[string]int64{}
	for _, part := range dump {
		if _, err := writer.Add(bytes.Clone(part.sql), part.about); err != nil {
			t.Fatal(err)
		}
		sql = append(sql, part.sql...)
		rows[part.about.Table] += part.about.Rows
		index.Rows += part.about.Rows
	}
	for _, line := range strings.Split(string(dump[0].sql), "\n") {
		if name, is := strings.CutPrefix(line, "CREATE TABLE `"); is {
			name, _, _ = strings.Cut(name, "`")
			index.Tables = append(index.Tables, dumpfile.Table{Name: name, Rows: rows[name]})
		}
	}
	if err := writer.Close(index); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), sql
}

// wantError compares an error's text with the expected one.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("the error is\n%v\ninstead of\n%s", err, want)
	}
}

var errCtrlC = errors.New("interrupted")
