package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestLoadsWhileFetching delays most of a dump until rows of its beginning are in the database. Then it pulls once more,
// from the cache.
func TestLoadsWhileFetching(t *testing.T) {
	s := newSite(t)
	object, sql := write(t, bigDump())
	s.put(object)
	release := s.hold()
	done := s.pullAside(t.Context())
	s.loading()
	release()
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	s.wantLoaded(sql)
	s.wantCached(object)
	size := int64(len(object))
	if got.FetchedBytes != size || got.CachedBytes != 0 || got.LoadedBytes != int64(len(sql)) || got.Tables != 3 || got.Rows != 19 {
		t.Errorf("the result is %+v", got.Result)
	}
	want := []string{"pulling " + dumpName, "making the tables of " + s.name, "fetching " + dumpName, "fetching and loading into " + s.name, "comparing", "swapping"}
	if diff := cmp.Diff(want, s.watch.lines); diff != "" {
		t.Errorf("it says (-want +got)\n%s", diff)
	}

	s.watch.lines = nil
	before := len(s.fetched)
	result, err := s.pull(t.Context())
	if err != nil || result.FetchedBytes != 0 || result.CachedBytes != size || result.LoadedBytes != int64(len(sql)) {
		t.Errorf("from the cache it is %+v, %v", result, err)
	}
	s.wantLoaded(sql)
	want = []string{"pulling " + dumpName, "loading into " + s.name, "comparing", "swapping"}
	if diff := cmp.Diff(want, s.watch.lines); diff != "" {
		t.Errorf("from the cache it says (-want +got)\n%s", diff)
	}
	if len(s.fetched) != before {
		t.Error("a cached dump is fetched")
	}
}

// TestLoadsSlowly delays the load until the cache has the whole dump.
func TestLoadsSlowly(t *testing.T) {
	s := newSite(t)
	object, sql := write(t, bigDump())
	s.put(object)
	s.watch.advance = func() {
		for {
			if _, err := os.Stat(s.cachePath()); err == nil || !s.watch.has("fetching "+dumpName) { // the tables are made before the fetch begins
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantLoaded(sql)
	s.wantCached(object)
}

// TestFetchFails denies the second half of the dump. The next pull resumes where the first one stopped.
func TestFetchFails(t *testing.T) {
	s := newSite(t)
	object, sql := write(t, bigDump())
	s.put(object)
	// All requests share one wait: a wait of a later request would not end after the first one was denied.
	soFar := sync.OnceFunc(func() {
		s.loading()
		s.firstRange()
	})
	s.meddle(func(w http.ResponseWriter, _ *http.Request) bool {
		soFar()
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>`)
		return true
	})
	_, err := s.pull(t.Context())
	wantError(t, err, "fetch "+dumpName+": fetch s3://"+s.name+"/shop/"+dumpName+": access denied, s3:GetObject is missing: Access Denied")
	if !errors.Is(err, bucket.ErrAccessDenied) {
		t.Errorf("the error is a %T", err)
	}
	s.wantUntouched()
	if found := s.cached(); len(found) != 1 || !strings.HasSuffix(found[0], ".part") {
		t.Errorf("the cache has %v", found)
	}

	s.onGet.Store(nil)
	result, err := s.pull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// What is there up to the end of a chunk is not fetched again.
	if size := int64(len(object)); result.CachedBytes < rangeSize-3<<20 || result.FetchedBytes != size-result.CachedBytes {
		t.Errorf("going on, it fetches %d and has %d of %d", result.FetchedBytes, result.CachedBytes, size)
	}
	if s.fetched[0] != 1 {
		t.Errorf("the first range was fetched %d times", s.fetched[0])
	}
	s.wantLoaded(sql)
	s.wantCached(object)
}

// TestGoesOnWithDamage damages the partial file of an interrupted pull, as a loss of power could. Only the damaged chunk is fetched again.
func TestGoesOnWithDamage(t *testing.T) {
	s := newSite(t)
	object, sql := write(t, bigDump())
	s.put(object)
	s.hold()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := s.pullAside(ctx)
	s.loading()
	s.firstRange()
	cancel(errCtrlC)
	if got := <-done; !errors.Is(got.err, errCtrlC) && !errors.Is(got.err, context.Canceled) {
		t.Fatalf("an interrupted pull gives %v", got.err)
	}
	s.wantUntouched()
	found := s.cached()
	if len(found) != 1 || !strings.HasSuffix(found[0], ".part") {
		t.Fatalf("the cache has %v", found)
	}
	overwrite(t, strings.TrimSuffix(s.cachePath(), dumpName)+found[0], 5_000_000)

	s.onGet.Store(nil)
	s.watch.lines = nil
	result, err := s.pull(t.Context())
	if err != nil || result.CachedBytes < rangeSize-6<<20 || result.FetchedBytes != int64(len(object))-result.CachedBytes {
		t.Errorf("the next one is %+v, %v", result, err)
	}
	s.wantLoaded(sql)
	s.wantCached(object)
}

func (s *site) wantLine(line string) {
	s.t.Helper()
	if !slices.Contains(s.watch.lines, line) {
		s.t.Errorf("%q is not among %q", line, s.watch.lines)
	}
}

func overwrite(t *testing.T, path string, at int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{0, 1, 2, 3}, at); err != nil {
		t.Fatal(err)
	}
}

// TestLoadFails makes the server refuse a row while most of the dump is missing. The rest is not fetched.
func TestLoadFails(t *testing.T) {
	s := newSite(t)
	dump := bigDump()
	dump[2].sql = []byte("INSERT INTO `a` VALUES (0,'again');\n")
	object, _ := write(t, dump)
	s.put(object)
	s.hold()
	_, err := s.pull(t.Context())
	var failed *target.LoadError
	if !errors.As(err, &failed) || failed.Table != "a" || !strings.HasPrefix(err.Error(), "load "+dumpName+": ") {
		t.Errorf("the error is %v", err)
	}
	s.wantUntouched()
}

// TestDamagedInTheCache changes bytes at both ends of a cached dump, and its length.
func TestDamagedInTheCache(t *testing.T) {
	s := newSite(t)
	object, sql := write(t, bigDump())
	index, err := dumpfile.ReadIndex(bytes.NewReader(object), int64(len(object)), dumpfile.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	s.put(object)
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(){
		"first chunk": func() { overwrite(t, s.cachePath(), index.Chunks[0].Offset) },
		"last chunk":  func() { overwrite(t, s.cachePath(), index.Chunks[len(index.Chunks)-1].Offset) },
		"length":      func() { _ = os.Truncate(s.cachePath(), 1000) },
	} {
		damage()
		s.watch.lines = nil
		result, err := s.pull(t.Context())
		if err != nil || result.FetchedBytes != int64(len(object)) || result.CachedBytes != 0 || result.LoadedBytes != int64(len(sql)) {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
		s.wantLine("the cached copy of " + dumpName + " is damaged, fetching it again")
		s.wantCached(object)
	}
	s.wantLoaded(sql)
}

// TestDamagedInTheBucket pulls a dump that is damaged in the bucket. The cache keeps no copy.
func TestDamagedInTheBucket(t *testing.T) {
	s := newSite(t)
	object, _ := write(t, bigDump())
	object[12<<20] ^= 1
	index, err := dumpfile.ReadIndex(bytes.NewReader(object), int64(len(object)), dumpfile.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	at := index.Chunks[slices.IndexFunc(index.Chunks, func(c dumpfile.Chunk) bool { return c.Offset+c.Size > 12<<20 })].Offset
	s.put(object)
	for range 2 {
		_, err = s.pull(t.Context())
		if !errors.Is(err, dumpfile.ErrCorrupt) || !strings.HasPrefix(err.Error(), "load "+dumpName+": ") ||
			!strings.HasSuffix(err.Error(), fmt.Sprintf("the dump is corrupt at byte %d: the chunk has another SHA-256 than in the index", at)) {
			t.Errorf("the error is %v", err)
		}
		s.wantUntouched()
		if found := s.cached(); found != nil {
			t.Errorf("the cache has %v", found)
		}
	}
	if slices.Contains(s.watch.lines, "the cached copy of "+dumpName+" is damaged, fetching it again") {
		t.Error("it is fetched twice")
	}
}

// TestReplacedMeanwhile overwrites the dump in the bucket while it is fetched.
func TestReplacedMeanwhile(t *testing.T) {
	s := newSite(t)
	object, _ := write(t, bigDump())
	s.put(object)
	release := s.hold()
	done := s.pullAside(t.Context())
	s.loading()
	s.put(append(bytes.Clone(object), 0))
	release()
	got := <-done
	wantError(t, got.err, "fetch "+dumpName+": fetch s3://"+s.name+"/shop/"+dumpName+": the object was replaced meanwhile")
	if !errors.Is(got.err, bucket.ErrChanged) {
		t.Errorf("the error is a %T", got.err)
	}
	s.wantUntouched()
	if found := s.cached(); found != nil {
		t.Errorf("the cache has %v", found)
	}
}

// TestTwoAtOnce pulls into two databases through one cache: one pull fetches, the other waits.
func TestTwoAtOnce(t *testing.T) {
	s := newSite(t)
	object, sql := write(t, bigDump())
	s.put(object)
	other := s.config()
	var err error
	if other.Target, err = dburl.Parse(s.db.URL(s.name + "-other")); err != nil {
		t.Fatal(err)
	}
	release := s.hold()
	done := s.pullAside(t.Context())
	s.loading()
	second := make(chan outcome, 1)
	go func() {
		result, err := pullWith(t.Context(), other)
		second <- outcome{result, err}
	}()
	select {
	case got := <-second:
		t.Fatalf("the second does not wait: %+v", got)
	case <-time.After(500 * time.Millisecond):
	}
	release()
	if got := <-done; got.err != nil || got.FetchedBytes != int64(len(object)) {
		t.Errorf("the first is %+v", got)
	}
	if got := <-second; got.err != nil || got.FetchedBytes != 0 || got.CachedBytes != int64(len(object)) {
		t.Errorf("the second is %+v", got)
	}
	s.wantLoaded(sql)
	s.wantCached(object)
	if s.fetched[rangeSize] != 1 {
		t.Errorf("the second range was fetched %d times", s.fetched[rangeSize])
	}
}

// TestDiskFull fills the cache's disk while the dump is fetched.
func TestDiskFull(t *testing.T) {
	s := newSite(t)
	s.cacheDir = t.TempDir()
	unmount, err := testserver.SmallDisk(s.cacheDir, "32m")
	if err != nil {
		t.Fatal(err)
	}
	defer unmount()
	object, _ := write(t, bigDump())
	s.put(object)
	release := s.hold()
	done := s.pullAside(t.Context())
	s.loading()
	s.firstRange()
	if err := os.WriteFile(s.cacheDir+"/filler", make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	release()
	got := <-done
	if !errors.Is(got.err, ErrCacheSpace) || !strings.HasPrefix(got.err.Error(), "fetch "+dumpName+": no space left in the cache folder: write ") {
		t.Errorf("the error is %v", got.err)
	}
	s.wantUntouched()
	if found := s.cached(); found != nil {
		t.Errorf("the cache has %v", found)
	}
}

// TestSelection pulls parts of a dump, from the bucket and from the cache.
func TestSelection(t *testing.T) {
	s := newSite(t)
	dump := bigDump()
	object, _ := write(t, dump)
	s.put(object)
	config := s.config()
	config.Selection = Selection{Tables: []string{"b", "c"}}
	var all, sql []byte
	for _, part := range dump {
		all = append(all, part.sql...)
		if part.about.Table != "a" {
			sql = append(sql, part.sql...)
		}
	}
	first, err := pullWith(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Part || first.Rows != 9 || first.Tables != 2 || first.LoadedBytes != int64(len(sql)) || first.CachedBytes != 0 ||
		first.FetchedBytes > int64(len(object))-10<<20 || first.FetchedBytes < 9<<20 {
		t.Errorf("from the bucket it is %+v", first)
	}
	s.wantLoaded(append(slices.Clone(sql), "DROP TABLE `a`; CREATE TABLE mine (id INT PRIMARY KEY)"...))
	if found := s.cached(); found != nil {
		t.Errorf("the cache has %v", found)
	}
	if s.fetched[rangeSize] != 0 {
		t.Error("rows of the other table were fetched")
	}

	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	changed := "DELETE FROM `a` WHERE id < 5"
	if err := s.db.Exec("USE `"+s.name+"`", changed, "DELETE FROM b"); err != nil {
		t.Fatal(err)
	}
	second, err := pullWith(t.Context(), config)
	if err != nil || second.FetchedBytes != 0 || second.CachedBytes != first.FetchedBytes || second.Rows != 9 {
		t.Errorf("from the cache it is %+v, %v", second, err)
	}
	s.wantLoaded(append(all, changed...))
	s.wantCached(object)

	config.Selection = Selection{Tables: []string{"a", "nod?"}}
	_, err = pullWith(t.Context(), config)
	wantError(t, err, "read "+dumpName+": the dump has no such table: nod?")
	s.put([]byte("CREATE TABLE t (id INT);\n"))
	config.Selection = Selection{Skip: []string{"t"}}
	_, err = pullWith(t.Context(), config)
	wantError(t, err, "read "+dumpName+": the dump can only be pulled as a whole")
}

// TestSweep has one pull remove what earlier pulls left, but not what others are still fetching.
func TestSweep(t *testing.T) {
	s := newSite(t)
	object, _ := write(t, bigDump())
	s.put(object)
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	folder := strings.TrimSuffix(s.cachePath(), dumpName)
	for _, name := range []string{"old.sql.zst.abc.part", "old.sql.zst.part", "busy.sql.zst.abc.part"} {
		if err := os.WriteFile(folder+name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := lockFile(t.Context(), folder+"busy.sql.zst.lock")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"busy.sql.zst.abc.part", dumpName, dumpName + ".json"}, s.cached()); diff != "" {
		t.Errorf("cache (-want +got)\n%s", diff)
	}
}

// TestSweepKeepsWhatBelongsTogether counts a dump and its baked objects as one.
func TestSweepKeepsWhatBelongsTogether(t *testing.T) {
	c := &cache{folder: t.TempDir()}
	write := func(name string, age time.Duration) {
		t.Helper()
		for _, beside := range []string{"", ".json", ".lock"} {
			path := filepath.Join(c.folder, name+beside)
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The second dump is older than the third, but its baked object is younger.
	write("shop-20261124T063000Z-4f1c2a.sql.zst.mariadb-11.8.tables.zst", time.Minute)
	write("shop-20261123T063000Z-4f1c2a.sql.zst", 9*time.Hour)
	write("shop-20261123T063000Z-4f1c2a.sql.zst.mariadb-11.8.tables.zst", time.Hour)
	write("shop-20261123T063000Z-4f1c2a.sql.zst.mysql-8.4.tables.zst", 8*time.Hour)
	write("shop-20261122T063000Z-4f1c2a.sql.zst", 7*time.Hour)
	write("shop-20261122T063000Z-4f1c2a.sql.zst.mariadb-11.8.tables.zst", 6*time.Hour)
	c.sweep()
	found, err := filepath.Glob(filepath.Join(c.folder, "*.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = strings.TrimPrefix(filepath.Base(found[i]), "shop-202611")
	}
	if diff := cmp.Diff([]string{
		"23T063000Z-4f1c2a.sql.zst", "23T063000Z-4f1c2a.sql.zst.mariadb-11.8.tables.zst", "23T063000Z-4f1c2a.sql.zst.mysql-8.4.tables.zst",
		"24T063000Z-4f1c2a.sql.zst.mariadb-11.8.tables.zst",
	}, found); diff != "" {
		t.Errorf("cache (-want +got)\n%s", diff)
	}
	if left, err := os.ReadDir(c.folder); err != nil || len(left) != 3*len(found) {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}
