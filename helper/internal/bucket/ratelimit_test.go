package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// passed records when bytes passed.
type passed struct {
	at time.Duration
	n  int
}

// readAll reads bodies of a size concurrently through the limit, and returns when their bytes passed.
func readAll(t *testing.T, l *RateLimit, bodies, size int) []passed {
	t.Helper()
	var (
		mu    sync.Mutex
		list  []passed
		group sync.WaitGroup
	)
	began := time.Now()
	for range bodies {
		group.Go(func() {
			body := l.limit(t.Context(), io.NopCloser(bytes.NewReader(make([]byte, size))))
			p := make([]byte, 32<<10)
			for {
				n, err := body.Read(p)
				mu.Lock()
				list = append(list, passed{time.Since(began), n})
				mu.Unlock()
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return list
}

func TestRateLimitIsKeptSmoothly(t *testing.T) {
	for _, rate := range []int64{16 << 10, 500 << 10, 10 << 20, 1 << 30} {
		synctest.Test(t, func(t *testing.T) {
			l := NewRateLimit(rate)
			for range 2 { // the second time follows a pause, whose unused time must be lost
				const bodies = 3
				size := int(rate) // of each: three seconds in all
				list := readAll(t, l, bodies, size)
				burst := int(rate/10) + (bodies+1)*l.piece
				slices.SortFunc(list, func(a, b passed) int { return int(a.at - b.at) })
				sum := 0
				for _, p := range list {
					sum += p.n
					if most := int(float64(rate)*p.at.Seconds()) + burst; sum > most {
						t.Fatalf("%d bytes per second: %d bytes had passed after %s, %d are allowed", rate, sum, p.at, most)
					}
				}
				if took := list[len(list)-1].at; sum != bodies*size || took > bodies*time.Second {
					t.Errorf("%d bytes per second: %d bytes took %s", rate, sum, took)
				}
				time.Sleep(time.Hour)
			}
		})
	}
}

func TestRateLimitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewRateLimit(1 << 10)
		why := errors.New("ctrl-c")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(why) })
		began := time.Now()
		_, err := io.Copy(io.Discard, l.limit(ctx, io.NopCloser(bytes.NewReader(make([]byte, 100<<10)))))
		if took := time.Since(began); err != why || took != 5*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// A deadline within a wait ends it with the context's own cause, and not early.
func TestRateLimitEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewRateLimit(1 << 10)
		why := errors.New("too slow")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second+time.Millisecond, why)
		defer cancel()
		began := time.Now()
		_, err := io.Copy(io.Discard, l.limit(ctx, io.NopCloser(bytes.NewReader(make([]byte, 100<<10)))))
		if took := time.Since(began); err != why || took != 5*time.Second+time.Millisecond {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestNoRateLimitCostsNothing(t *testing.T) {
	body := io.NopCloser(bytes.NewReader(nil))
	if l := NewRateLimit(0); l != nil || l.limit(t.Context(), body) != body {
		t.Error("a body without limit is wrapped")
	}
}

// limited opens the bucket with a rate limit.
func (e env) limited(t *testing.T, bytesPerSecond int64) *Bucket {
	t.Helper()
	c := e.config()
	c.RateLimit = NewRateLimit(bytesPerSecond)
	return open(t, c)
}

// least returns the shortest time that a transfer of some bytes may take.
func least(size int, l *RateLimit) time.Duration {
	const transfers = 5
	return time.Duration(float64(size-transfers*l.piece-l.limiter.Burst()) / float64(l.limiter.Limit()) * float64(time.Second))
}

// A part from memory, a streamed part and the renewals of a lease share the limit. The lease must not be lost.
func TestUploadKeepsToTheRateLimit(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.limited(t, 8*mib)
		lease := acquire(t, b, "ann@laptop")
		began := time.Now()
		u, err := b.Upload(t.Context(), b.NewKey(began, ".sql.zst"), UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var content []byte
		streamed := false
		for len(content) < 23*mib || e.lease(t).Beat < 5 && len(content) < 200*mib { // parts of 5, 5, 6 and 7 MiB, and more on a busy machine
			piece := random(mib / 2)
			content = append(content, piece...)
			if _, err := u.Write(piece); err != nil {
				t.Fatal(err)
			}
			streamed = streamed || u.Room() > 0
		}
		if err := u.Complete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took, must := time.Since(began), least(len(content), NewRateLimit(8*mib)); took < must {
			t.Errorf("took %s, must take %s", took, must)
		}
		if !streamed {
			t.Error("no part was streamed")
		}
		if err := context.Cause(lease.Context()); err != nil || e.lease(t).Beat < 5 {
			t.Errorf("lease: %v, %d signs of life", err, e.lease(t).Beat)
		}
		if err := lease.Release(t.Context(), Published{Key: u.Key()}); err != nil {
			t.Error(err)
		}
		e.wantContent(t, u.Key(), content)
	})
}

func TestUploadWithRateLimitIsTriedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.limited(t, 16*mib)
		var parts atomic.Int64
		p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("partNumber") || parts.Add(1)%2 == 0 {
				return false
			}
			_, _ = io.CopyN(io.Discard, r.Body, mib)
			return answerError(w, 500, "InternalError", "We encountered an internal error.")
		})
		content := random(11 * mib)
		u, err := upload(t, b, content, mib, UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if parts.Load() < 4 {
			t.Errorf("%d requests for three parts", parts.Load())
		}
		e.wantContent(t, u.Key(), content)
	})
}

func TestAbortDoesNotWaitForTheRateLimit(t *testing.T) {
	e := newEnv(t, "minio")
	b := e.limited(t, 16<<10)
	u, err := b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(random(6 * mib)); err != nil { // the first part takes five minutes
		t.Fatal(err)
	}
	if err := u.Abort(); err != nil {
		t.Fatal(err)
	}
	e.wantNothing(t, u)
}

func TestFetchKeepsToTheRateLimit(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.limited(t, 4*mib)
		content := random(6*mib + 3)
		o := e.stored(t, b, "dumps/shop/a.sql", content)
		p.OnResponse(func(resp *http.Response) { resp.Body = &cut{resp.Body, 300_000} })
		m := newMemory(len(content), 0)
		began := time.Now()
		if err := b.Fetch(t.Context(), o, m, 0, nil); err != nil {
			t.Fatal(err)
		}
		if took, must := time.Since(began), least(len(content), NewRateLimit(4*mib)); took < must {
			t.Errorf("took %s, must take %s", took, must)
		}
		if !bytes.Equal(m.p, content) {
			t.Error("the content differs")
		}
	})
}

// Waiting for the rate limit does not count as idle time of a connection.
func TestRateLimitIsNotIdleTime(t *testing.T) {
	e := newEnv(t, "minio")
	b := e.limited(t, 1<<10)
	ctx := withIdle(t.Context(), 600*time.Millisecond) // a piece takes a second
	content := random(3 << 10)
	u, err := b.Upload(ctx, b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := u.Complete(ctx); err != nil {
		t.Fatal(err)
	}
	o, err := b.Head(t.Context(), u.Key())
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory(len(content), 0)
	if err := b.Fetch(ctx, o, m, 0, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.p, content) {
		t.Error("the content differs")
	}
}
