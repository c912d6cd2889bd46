package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memory is a file that notes how far writes got ahead of the first gap.
type memory struct {
	mu    sync.Mutex
	p     []byte
	gaps  map[int64]int64 // end of each piece by its beginning
	whole int64
	ahead int64
}

func newMemory(size int, from int64) *memory {
	return &memory{p: make([]byte, size), gaps: map[int64]int64{}, whole: from}
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(m.p[at:], p)
	m.gaps[at] = at + int64(len(p))
	for end, ok := m.gaps[m.whole]; ok; end, ok = m.gaps[m.whole] {
		delete(m.gaps, m.whole)
		m.whole = end
	}
	m.ahead = max(m.ahead, at+int64(len(p))-m.whole)
	return len(p), nil
}

func (e env) stored(t *testing.T, b *Bucket, key string, body []byte) Object {
	t.Helper()
	e.put(t, key, body)
	o, err := b.Head(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFetch(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		for _, size := range []int{1, mib, mib + 1, 9*mib + 17} {
			content := random(size)
			o := e.stored(t, b, fmt.Sprintf("dumps/shop/%d.sql", size), content)
			for _, from := range []int{0, size / 2, size} {
				m := newMemory(size, int64(from))
				copy(m.p, content[:from])
				var progress int64
				if err := b.Fetch(t.Context(), o, m, int64(from), func(n int64) { progress += n }); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(m.p, content) || m.whole != int64(size) {
					t.Errorf("%d bytes from %d on differ", size, from)
				}
				if progress != int64(size-from) {
					t.Errorf("progress is %d of %d", progress, size-from)
				}
			}
		}
	})
}

func TestFetchKeepsInsideItsWindow(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	size := FetchWindow + 10*mib
	content := random(size)
	o := e.stored(t, b, "dumps/shop/a.sql", content)
	// The first range waits until the window is full, and then until no further request has come for a while.
	const rest = FetchWindow/mib - 1
	deadline := time.Now().Add(2 * time.Minute)
	var others atomic.Int64
	p.OnRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "bytes=0-1048575" {
			others.Add(1)
			return false
		}
		for before := int64(-1); before != others.Load() || before < rest; time.Sleep(300 * time.Millisecond) {
			before = others.Load()
			if time.Now().After(deadline) {
				t.Errorf("there were only %d other requests, not %d", before, rest)
				break
			}
		}
		return false
	})
	m := newMemory(size, 0)
	if err := b.Fetch(t.Context(), o, m, 0, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.p, content) {
		t.Error("the content differs")
	}
	if m.ahead > FetchWindow || m.ahead < FetchWindow/2 {
		t.Errorf("%d bytes ahead of the gap", m.ahead)
	}
}

// TestFetchIsParallelAndInOrder looks at the requests: several at once, begun one after the other.
func TestFetchIsParallelAndInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		content := random(20*mib + 5)
		o := e.stored(t, b, "dumps/shop/a.sql", content)
		var mu sync.Mutex
		seen := map[int64]bool{} // the numbers of the ranges that were asked for
		var first int64          // the least number that is not among them
		var atOnce, most int
		full := make(chan struct{}) // closed when as many requests are there as may be at once
		p.OnRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			var from, to int64
			if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil || to-from >= mib {
				t.Errorf("range %q: %v", r.Header.Get("Range"), err)
			}
			mu.Lock()
			seen[from/mib] = true
			for seen[first] {
				first++
			}
			// A range was begun before those behind it. What has not arrived, although one behind it has, is under way.
			var overtaken int
			for i := first; i < from/mib; i++ {
				if !seen[i] {
					overtaken++
				}
			}
			if overtaken >= small.ranges {
				t.Errorf("byte %d is asked for, and %d ranges before it are not", from, overtaken)
			}
			if atOnce++; atOnce == small.ranges && most < atOnce {
				close(full)
			}
			most = max(most, atOnce)
			mu.Unlock()
			select {
			case <-full:
			case <-time.After(10 * time.Second):
				t.Error("the others do not come")
			}
			return false
		})
		p.OnResponse(func(*http.Response) {
			mu.Lock()
			defer mu.Unlock()
			atOnce--
		})
		m := newMemory(len(content), 0)
		if err := b.Fetch(t.Context(), o, m, 0, nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.p, content) {
			t.Error("the content differs")
		}
		if most < small.ranges {
			t.Errorf("%d requests at once", most)
		}
	})
}

func TestFetchRanges(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		content := random(5 * mib)
		o := e.stored(t, b, "dumps/shop/a.sql", content)
		var mu sync.Mutex
		asked := map[string]bool{}
		p.OnRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			asked[r.Header.Get("Range")] = true
			return false
		})
		m := newMemory(len(content), 0)
		var progress int64
		ranges := []Range{{10, 5}, {20, 0}, {mib, 2*mib + 7}, {5*mib - 1, 1}}
		if err := b.FetchRanges(t.Context(), o, m, ranges, func(n int64) { progress += n }); err != nil {
			t.Fatal(err)
		}
		want := make([]byte, len(content))
		for _, r := range ranges {
			copy(want[r.Offset:r.Offset+r.Size], content[r.Offset:])
		}
		if !bytes.Equal(m.p, want) || progress != 2*mib+13 {
			t.Errorf("the content differs, or progress does: %d", progress)
		}
		for _, r := range []string{"bytes=10-14", "bytes=1048576-2097151", "bytes=2097152-3145727", "bytes=3145728-3145734", "bytes=5242879-5242879"} {
			if !asked[r] {
				t.Errorf("%s was not asked for", r)
			}
		}
		if len(asked) != 5 {
			t.Errorf("asked for %v", asked)
		}
		if err := b.FetchRanges(t.Context(), o, failing{}, nil, nil); err != nil {
			t.Errorf("nothing gives %v", err)
		}
	})
}

func TestFetchGoesOnWhereItBroke(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		content := random(5*mib + 3)
		o := e.stored(t, b, "dumps/shop/a.sql", content)
		var asked atomic.Int64
		p.OnRequest(func(w http.ResponseWriter, _ *http.Request) bool {
			if asked.Add(1)%5 == 0 {
				return answerError(w, 500, "InternalError", "We encountered an internal error.")
			}
			return false
		})
		var sent atomic.Int64
		p.OnResponse(func(resp *http.Response) {
			resp.Body = &counted{&cut{resp.Body, 300_000}, &sent}
		})
		m := newMemory(len(content), 0)
		if err := b.Fetch(t.Context(), o, m, 0, nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.p, content) {
			t.Error("the content differs")
		}
		r := b.Open(t.Context(), o)
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got, content) {
			t.Error("the content read in order differs")
		}
		if n := sent.Load(); n > int64(3*len(content)) {
			t.Errorf("%d bytes were sent for twice %d", n, len(content))
		}
	})
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func TestFetchGivesUpWithoutProgress(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	o := e.stored(t, b, "dumps/shop/a.sql", random(100))
	p.OnResponse(func(resp *http.Response) { resp.Body = &cut{resp.Body, 0} })
	err := b.Fetch(t.Context(), o, newMemory(100, 0), 0, nil)
	wantError(t, err, ErrUnreachable, "fetch s3://"+e.bucket+"/dumps/shop/a.sql: cannot be reached: the connection was cut")
}

func TestFetchNoticesAnotherObject(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		o := e.stored(t, b, "dumps/shop/a.sql", random(100))
		p.OnResponse(func(resp *http.Response) { // as a store does that ignores If-Match
			if resp.Request.Method == http.MethodGet {
				resp.Header.Set("Etag", `"another"`)
			}
		})
		text := "fetch s3://" + e.bucket + "/dumps/shop/a.sql: the object was replaced meanwhile"
		err := b.Fetch(t.Context(), o, newMemory(100, 0), 0, nil)
		wantError(t, err, ErrChanged, text)

		p.OnResponse(func(*http.Response) {})
		e.put(t, o.Key, bytes.Repeat([]byte("x"), 100))
		err = b.Fetch(t.Context(), o, newMemory(100, 0), 0, nil)
		wantError(t, err, ErrChanged, text)
	})
}

func TestFetchReturnsTheWritersError(t *testing.T) {
	e := newEnv(t, "minio")
	b := e.open(t)
	o := e.stored(t, b, "dumps/shop/a.sql", random(3*mib))
	full := errors.New("disk full")
	if err := b.Fetch(t.Context(), o, failing{full}, 0, nil); err != full {
		t.Errorf("fetch returns %v", err)
	}
}

type failing struct{ err error }

func (f failing) WriteAt([]byte, int64) (int, error) { return 0, f.err }

func TestFetchEndsWithItsContext(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	o := e.stored(t, b, "dumps/shop/a.sql", random(9*mib))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("ctrl-c")
	p.OnRequest(func(_ http.ResponseWriter, r *http.Request) bool {
		cancel(why)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	if err := b.Fetch(ctx, o, newMemory(9*mib, 0), 0, nil); !errors.Is(err, why) {
		t.Errorf("fetch returns %v", err)
	}
	if err := b.Fetch(ctx, o, newMemory(9*mib, 0), 0, nil); !errors.Is(err, why) {
		t.Errorf("fetch after the end returns %v", err)
	}
}

func TestReaderAt(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		content := random(1000)
		o := e.stored(t, b, "dumps/shop/a.sql", content)
		r := b.ReaderAt(t.Context(), o)
		for _, c := range []struct {
			at, size, n int
			err         error
		}{{0, 10, 10, nil}, {990, 10, 10, nil}, {990, 11, 10, io.EOF}, {1000, 1, 0, io.EOF}, {5, 0, 0, nil}} {
			p := make([]byte, c.size)
			n, err := r.ReadAt(p, int64(c.at))
			if n != c.n || err != c.err || !bytes.Equal(p[:n], content[c.at:c.at+n]) {
				t.Errorf("%d bytes at %d: %d, %v", c.size, c.at, n, err)
			}
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
			t.Error("a negative offset is taken")
		}
	})
}
