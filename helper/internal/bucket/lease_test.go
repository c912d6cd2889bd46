package bucket

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

func acquire(t *testing.T, b *Bucket, holder string) *Lease {
	t.Helper()
	l, err := b.Acquire(t.Context(), LeaseOptions{Holder: holder})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// impatient opens the bucket for one who soon takes a holder for dead.
func (e env) impatient(t *testing.T) *Bucket {
	t.Helper()
	b := e.open(t)
	b.pace.expiry = time.Second
	return b
}

func (e env) lease(t *testing.T) leaseFile {
	t.Helper()
	text, err := e.GetObject(e.bucket, "dumps/shop/.dump-refresh/shop.lease.json")
	if err != nil {
		t.Fatal(err)
	}
	var f leaseFile
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLease(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		l := acquire(t, b, "ann@laptop")
		if l.Result() != "" {
			t.Errorf("result of a new lease is %q", l.Result())
		}
		if f := e.lease(t); f.Holder != "ann@laptop" || f.State != held || f.Started.IsZero() {
			t.Errorf("lease is %+v", f)
		}
		for beat := 0; beat < 2; beat = e.lease(t).Beat { // it is renewed
			time.Sleep(10 * time.Millisecond)
		}
		for range 2 {
			if err := l.Release(t.Context(), Published{"dumps/shop/x.sql.zst", "etag"}); err != nil {
				t.Fatal(err)
			}
		}
		if f := e.lease(t); f.State != released || f.Result != "dumps/shop/x.sql.zst" {
			t.Errorf("lease is %+v", f)
		}
		if l.Context().Err() == nil {
			t.Error("the context goes on after the release")
		}
		// A later refresh gets the lease, not the old result.
		l = acquire(t, b, "bob@laptop")
		if l.Result() != "" {
			t.Errorf("result is an old one: %q", l.Result())
		}
		// What was published last is known as long as nothing else is.
		published := Published{"dumps/shop/x.sql.zst", "etag"}
		if l.Last() != published {
			t.Errorf("published last: %v", l.Last())
		}
		if err := l.Release(t.Context(), Published{}); err != nil {
			t.Fatal(err)
		}
		if last, err := b.LastPublished(t.Context()); err != nil || last != published {
			t.Errorf("published last: %v, %v", last, err)
		}
		if !published.Is(Object{Key: published.Key, ETag: `"etag"`}) || published.Is(Object{Key: published.Key, ETag: `"other"`}) ||
			published.Is(Object{Key: "other", ETag: "etag"}) || (Published{Key: "x"}).Is(Object{Key: "x"}) {
			t.Error("an object is taken for another one")
		}
		if e.notes.String() != "" {
			t.Errorf("notes: %s", e.notes)
		}
	})
}

// TestLeaseInterrupted interrupts an Acquire while the store writes the lease.
func TestLeaseInterrupted(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, slow := e.behind(t)
		b := slow.open(t)
		for _, interruptedBy := range []int32{1, 2} { // the first write, and the one that tries the condition
			ctx, cancel := context.WithCancel(t.Context())
			var writes atomic.Int32
			p.OnResponse(func(resp *http.Response) {
				if resp.Request.Method == http.MethodPut && writes.Add(1) == interruptedBy {
					cancel()
					time.Sleep(100 * time.Millisecond)
				}
			})
			l, err := b.Acquire(ctx, LeaseOptions{Holder: "ann@laptop"})
			if err == nil {
				err = l.Release(ctx, Published{})
			}
			if err != nil {
				t.Errorf("interrupted in write %d: %v", interruptedBy, err)
			}
			if f := e.lease(t); f.State != released {
				t.Errorf("interrupted in write %d: the lease is %+v", interruptedBy, f)
			}
			cancel()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Acquire(ctx, LeaseOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted before: %v", err)
		}
	})
}

// Ten at once: one works, nine wait and use its result.
func TestLeaseIsForOne(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		for round := range 3 {
			var holders, results, waits atomic.Int64
			ready := make(chan struct{})
			var group sync.WaitGroup
			for range 10 {
				b := e.open(t)
				group.Go(func() {
					<-ready
					l, err := b.Acquire(t.Context(), LeaseOptions{Holder: "x", Wait: func(string) { waits.Add(1) }})
					switch {
					case err != nil:
						t.Error(err)
						return
					case l.Result() == "result":
						results.Add(1)
						return
					case l.Result() != "":
						t.Errorf("result is %q", l.Result())
						return
					}
					holders.Add(1)
					for waits.Load() < 9 && l.Context().Err() == nil {
						time.Sleep(time.Millisecond)
					}
					if err := l.Release(t.Context(), Published{Key: "result"}); err != nil {
						t.Error(err)
					}
				})
			}
			close(ready)
			group.Wait()
			if holders.Load() != 1 || results.Load() != 9 {
				t.Fatalf("round %d: %d held the lease, %d used a result", round, holders.Load(), results.Load())
			}
		}
	})
}

// A holder that fails leaves the work to the next.
func TestLeaseAfterAFailure(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		first := acquire(t, e.open(t), "ann")
		waits := make(chan string, 1)
		second := make(chan *Lease)
		b := e.open(t)
		go func() {
			l, err := b.Acquire(t.Context(), LeaseOptions{Holder: "bob", Wait: func(h string) { waits <- h }})
			if err != nil {
				t.Error(err)
			}
			second <- l
		}()
		if h := <-waits; h != "ann" {
			t.Errorf("waits for %q", h)
		}
		if err := first.Release(t.Context(), Published{}); err != nil {
			t.Fatal(err)
		}
		l := <-second
		if l.Result() != "" || e.lease(t).Holder != "bob" {
			t.Errorf("lease is %+v", e.lease(t))
		}
		if err := l.Release(t.Context(), Published{}); err != nil {
			t.Fatal(err)
		}
	})
}

// A dead holder's lease is taken over; if it was only asleep, it learns that it lost it.
func TestLeaseOfTheDead(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		b.pace.renew = time.Hour
		sleeper := acquire(t, b, "sleeper")
		var waits atomic.Int64
		other := e.impatient(t)
		l, err := other.Acquire(t.Context(), LeaseOptions{Holder: "heir", Wait: func(string) { waits.Add(1) }})
		if err != nil {
			t.Fatal(err)
		}
		if waits.Load() != 1 || l.Result() != "" || e.lease(t).Holder != "heir" {
			t.Errorf("waited %d times, lease is %+v", waits.Load(), e.lease(t))
		}
		err = sleeper.Release(t.Context(), Published{Key: "too late"})
		wantError(t, err, ErrLeaseLost, "release s3://"+e.bucket+"/dumps/shop/.dump-refresh/shop.lease.json: the lease was lost to another refresh")
		if f := e.lease(t); f.Holder != "heir" || f.State != held {
			t.Errorf("lease is %+v", f)
		}
		if err := l.Release(t.Context(), Published{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLosingTheLeaseEndsTheWork(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		l := acquire(t, e.open(t), "ann")
		for l.Context().Err() == nil { // a store may let a renewal that was under way win
			e.put(t, "dumps/shop/.dump-refresh/shop.lease.json", []byte(`{"holder":"thief","state":"held","token":"t"}`))
			_ = clock.Sleep(l.Context(), time.Second)
		}
		if !errors.Is(context.Cause(l.Context()), ErrLeaseLost) {
			t.Errorf("cause is %v", context.Cause(l.Context()))
		}
		if err := l.Release(t.Context(), Published{Key: "x"}); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("release: %v", err)
		}
		if f := e.lease(t); f.Holder != "thief" || f.State != held {
			t.Errorf("lease is %+v", f)
		}
	})
}

// A holder whose store cannot be reached for very long stops, and says why.
func TestLeaseWithoutConnection(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	b.pace.outage = time.Second
	began := time.Now()
	l := acquire(t, b, "ann")
	p.OnRequest(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	<-l.Context().Done()
	if !errors.Is(context.Cause(l.Context()), ErrUnreachable) {
		t.Errorf("cause is %v", context.Cause(l.Context()))
	}
	if took := time.Since(began); took < b.pace.outage {
		t.Errorf("the lease is given up after %s", took)
	}
}

// A store refuses each conditional write, and says that there is no lease: refresh ends with an error, and asks few times.
func TestLeaseOfAStoreThatContradictsItself(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	var writes atomic.Int64
	p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, ".lease.json") {
			return false
		}
		status, code := http.StatusNotFound, "NoSuchKey"
		if r.Method == http.MethodPut {
			writes.Add(1)
			status, code = http.StatusPreconditionFailed, "PreconditionFailed"
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<Error><Code>" + code + "</Code></Error>"))
		return true
	})
	_, err := behind.open(t).Acquire(t.Context(), LeaseOptions{Holder: "ann"})
	wantError(t, err, ErrContradiction, "take s3://"+e.bucket+"/dumps/shop/.dump-refresh/shop.lease.json: the store refuses conditional writes although their conditions hold")
	if n := writes.Load(); n > 20 {
		t.Errorf("%d writes", n)
	}
}

// Answers are lost, the SDK tries again, and the condition fails by the lease's own first write.
func TestLeaseWithLostAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		var puts atomic.Int64
		p.OnResponse(func(resp *http.Response) {
			if resp.Request.Method == http.MethodPut && resp.StatusCode == http.StatusOK && puts.Add(1)%2 == 1 {
				resp.StatusCode = http.StatusBadGateway
			}
		})
		l, err := b.Acquire(t.Context(), LeaseOptions{Holder: "ann", Wait: func(h string) { t.Errorf("waits for %s", h) }})
		if err != nil {
			t.Fatal(err)
		}
		if l.Result() != "" {
			t.Error("the lease is not held")
		}
		for e.lease(t).Beat < 3 {
			if l.Context().Err() != nil {
				t.Fatal(context.Cause(l.Context()))
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err := l.Release(t.Context(), Published{Key: "x"}); err != nil {
			t.Fatal(err)
		}
		if f := e.lease(t); f.State != released || f.Result != "x" {
			t.Errorf("lease is %+v", f)
		}
	})
}

// Stores that ignore conditions, and stores that refuse them.
func TestLeaseWithoutConditions(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		e := newEnv(t, "minio")
		p, behind := e.behind(t)
		p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut || r.Header.Get("If-None-Match")+r.Header.Get("If-Match") == "" {
				return false
			}
			if refuse {
				return answerError(w, 501, "NotImplemented", "No conditions.")
			}
			// The signature covers the condition, so the test writes in the client's place.
			return e.writeInstead(t, w, r)
		})
		var holders, results, waits atomic.Int64
		var group sync.WaitGroup
		for range 5 {
			b := behind.open(t)
			group.Go(func() {
				l, err := b.Acquire(t.Context(), LeaseOptions{Holder: "x", Wait: func(string) { waits.Add(1) }})
				if err != nil {
					t.Error(err)
					return
				}
				if l.Result() != "" {
					results.Add(1)
					return
				}
				holders.Add(1)
				for waits.Load() < 4 && l.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
				if err := l.Release(t.Context(), Published{Key: "result"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if holders.Load() != 1 || results.Load() != 4 {
			t.Errorf("refuse %v: %d held the lease, %d used a result", refuse, holders.Load(), results.Load())
		}
		if got := e.notes.lines[0]; got != "this store ignores conditional writes: two refreshes that begin in the same second may both run" {
			t.Errorf("note is %q", got)
		}
	}
}
