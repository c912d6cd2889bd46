package pull

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/tests/faults"
)

// flipping changes a bit of what one request for the dump brings, or each.
func flipping(at int64, from string, times int) faults.Rule {
	return faults.Rule{Down: faults.Flip(at), Times: times, Matches: func(r *http.Request) bool {
		return faults.On("GetObject", "/shop/")(r) && strings.HasPrefix(r.Header.Get("Range"), "bytes="+from+"-")
	}}
}

// TestDamagedOnTheWay changes a bit of a chunk on its way. The store has the right one, so the dump is fetched again.
func TestDamagedOnTheWay(t *testing.T) {
	s := newSite(t)
	object, sql := write(t, bigDump())
	s.put(object)
	s.proxy.Rules(flipping(5000, "8388608", 0))
	_, err := s.pull(t.Context())
	if !errors.Is(err, bucket.ErrGarbled) {
		t.Errorf("if it is always damaged: %v", err)
	}
	s.wantUntouched()
	if found := s.cached(); found != nil {
		t.Errorf("the cache has %v", found)
	}
	s.watch.lines = nil
	s.proxy.Rules(flipping(5000, "8388608", 1))
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantLine(dumpName + " has arrived damaged, fetching it again")
	s.wantLoaded(sql)
	s.wantCached(object)
}

// TestForeignDumpDamagedOnTheWay does the same to a dump without an index, of which only the store's own checksum is known.
func TestForeignDumpDamagedOnTheWay(t *testing.T) {
	s := newSite(t)
	_, sql := write(t, bigDump())
	at := int64(bytes.Index(sql[1<<20:], []byte("','"))) + 1<<20 + 10 // inside of a value: no server would mind
	if err := s.store.PutObject(s.name, "shop/nightly.sql", sql); err != nil {
		t.Fatal(err)
	}
	s.proxy.Rules(flipping(at, "0", 2)) // the first request reads the head
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantLine("nightly.sql has not arrived as the store has it, fetching it again")
	s.wantLoaded(sql)
}

// TestForeignDumpOfAnUnknownSum pulls a dump of which the store knows nothing. If it fails, the copy is not kept.
func TestForeignDumpOfAnUnknownSum(t *testing.T) {
	s := newSite(t)
	_, sql := write(t, bigDump())
	at := int64(bytes.Index(sql[1<<20:], []byte("INSERT INTO"))) + 1<<20
	if err := s.store.PutObject(s.name, "shop/nightly.sql", sql); err != nil {
		t.Fatal(err)
	}
	unknown := faults.Rule{Matches: faults.On("HeadObject", "nightly.sql"), Change: func(answer *http.Response) {
		for name := range answer.Header {
			if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
				answer.Header.Del(name)
			}
		}
		answer.Header.Set("ETag", `"not-a-sum"`)
	}}
	s.proxy.Rules(flipping(at, "0", 2), unknown)
	if _, err := s.pull(t.Context()); err == nil {
		t.Fatal("the damaged dump was loaded")
	}
	s.wantUntouched()
	if found := s.cached(); found != nil {
		t.Errorf("the cache has %v", found)
	}
	s.proxy.Rules(unknown)
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantLoaded(sql)
}
