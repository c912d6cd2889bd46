package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/tests/faults"
)

// The matrix: each request of a refresh and of a pull, by what can happen to it. A fault that passes costs nothing but time; one that
// stays ends with its cause, and never with a part of a dump, nor with a complete one deleted.

// place is a request that suffers.
type place struct {
	operation, path string
	skip            int // how many of them pass first
}

var (
	listing  = place{"ListObjectsV2", "", 1} // the first one shows that this is a store
	lease    = place{"PutObject", ".lease.json", 0}
	dumpPut  = place{"PutObject", ".sql.zst", 0}
	begin    = place{"CreateMultipartUpload", ".sql.zst", 0}
	part     = place{"UploadPart", ".sql.zst", 1}
	finish   = place{"CompleteMultipartUpload", ".sql.zst", 0}
	look     = place{"HeadObject", ".sql.zst", 0}
	leftover = place{"ListMultipartUploads", "", 0}
	fetch    = place{"GetObject", ".sql.zst", 1}
)

func (p place) String() string { return p.operation + strings.TrimSuffix(p.path, ".json") }

// fault is what happens to it.
type fault struct {
	name string
	faults.Rule
}

// change makes a fault of a function that changes an answer.
func change(f func(*http.Response)) faults.Rule { return faults.Rule{Change: f} }

var (
	drop        = fault{"no answer", faults.Rule{Answer: faults.Drop}}
	cutDown     = fault{"cut answer", faults.Rule{Down: faults.Cut(7)}}
	cutUp       = fault{"cut request", faults.Rule{Up: faults.Cut(20)}}
	page        = fault{"web page", faults.Rule{Answer: faults.Page}}
	empty       = fault{"empty 200", faults.Rule{Answer: faults.Empty}}
	internal    = fault{"500", faults.Rule{Answer: faults.Error(500, "InternalError", "We encountered an internal error.")}}
	slowDown    = fault{"503", faults.Rule{Answer: faults.Error(503, "SlowDown", "Please reduce your request rate.")}}
	gateway     = fault{"502 without a body", faults.Rule{Answer: faults.Error(502, "", "")}}
	throttled   = fault{"429", faults.Rule{Answer: faults.Error(429, "TooManyRequests", "Too many requests.")}}
	bare429     = fault{"429 without a body", faults.Rule{Answer: faults.Error(429, "", "")}}
	badDigest   = fault{"BadDigest", faults.Rule{Answer: faults.Error(400, "BadDigest", "The Content-MD5 did not match.")}}
	incomplete  = fault{"IncompleteBody", faults.Rule{Answer: faults.Error(400, "IncompleteBody", "You did not provide the number of bytes.")}}
	aborted     = fault{"OperationAborted", faults.Rule{Answer: faults.Error(409, "OperationAborted", "A conflicting operation is in progress.")}}
	flipUp      = fault{"flipped request", faults.Rule{Up: faults.Flip(17)}}
	trickleUp   = fault{"trickling request", faults.Rule{Up: faults.Trickle(64<<10, time.Millisecond)}}
	trickleDown = fault{"trickling answer", faults.Rule{Down: faults.Trickle(16<<10, time.Millisecond)}}
	hang        = fault{"stalled", faults.Rule{Answer: faults.Hang}}
	stallDown   = fault{"stalled answer", faults.Rule{Down: faults.Stall(100)}}
	noETag      = fault{"no ETag", change(func(r *http.Response) { r.Header.Del("ETag") })}
	otherRange  = fault{"another range", change(func(r *http.Response) { r.Header.Set("Content-Range", "bytes 1-5/9") })}
	noRange     = fault{"range ignored", change(func(r *http.Response) { r.StatusCode = 200; r.Header.Del("Content-Range") })}
	cutLater    = fault{"cut answer", faults.Rule{Down: faults.Cut(400_000)}}
)

// cell is one cell of the matrix: what comes of a fault that stays. Each of them is also tried once, and then does no harm.
type cell struct {
	place
	fault
	stays Kind // "" if the fault may stay and does no harm either; onlyOnce if it is not tried
}

const onlyOnce Kind = "not tried"

func published() (cells []cell) {
	add := func(stays Kind, f fault, places ...place) {
		for _, p := range places {
			cells = append(cells, cell{p, f, stays})
		}
	}
	requests := []place{listing, dumpPut, begin, part, finish}
	add(ErrUnreachable, drop, requests...)
	add(ErrUnavailable, internal, requests...)
	add(ErrUnavailable, slowDown, requests...)
	add(ErrUnavailable, gateway, requests...)
	add(ErrUnavailable, throttled, requests...)
	add(ErrUnavailable, bare429, requests...)
	add(ErrGarbled, page, requests...)
	add(ErrGarbled, empty, requests...)
	add(ErrGarbled, badDigest, dumpPut, part)
	add(ErrGarbled, incomplete, dumpPut, part)
	add(ErrUnavailable, aborted, begin, part, finish)
	add(ErrGarbled, flipUp, dumpPut, part)
	add(onlyOnce, cutUp, dumpPut, part, finish)
	add("", trickleUp, dumpPut, part)
	add(onlyOnce, hang, listing, dumpPut, begin, part)
	add(ErrGarbled, noETag, part)
	// The store has done what it was asked for. Only the answer is lost.
	add("", cutDown, dumpPut, finish)
	add("", noETag, dumpPut)
	add(ErrUnreachable, cutDown, listing, begin)
	add(onlyOnce, cutDown, part, lease)
	add("", trickleDown, listing)
	// The dump is there; that nobody can look at it now is no failure.
	for _, f := range []fault{drop, internal, slowDown, gateway, throttled, bare429, page, empty, noETag} {
		add("", f, look)
	}
	for _, f := range []fault{drop, internal, slowDown, gateway, throttled, bare429, page, empty, badDigest, aborted, hang, noETag} {
		add(onlyOnce, f, lease)
	}
	for _, f := range []fault{drop, internal, page, empty, cutDown, throttled} {
		add("", f, leftover)
	}
	return cells
}

func fetched() (cells []cell) {
	for f, stays := range map[*fault]Kind{
		&drop: ErrUnreachable, &cutLater: "", &page: ErrGarbled, &empty: ErrGarbled, &internal: ErrUnavailable, &slowDown: ErrUnavailable,
		&gateway: ErrUnavailable, &throttled: ErrUnavailable, &bare429: ErrUnavailable, &trickleDown: "", &hang: onlyOnce,
		&stallDown: onlyOnce, &noETag: ErrGarbled, &otherRange: ErrGarbled, &noRange: ErrGarbled,
	} {
		cells = append(cells, cell{fetch, *f, stays})
	}
	for _, f := range []fault{drop, page, empty, internal, throttled, bare429, cutDown} {
		cells = append(cells, cell{listing, f, onlyOnce})
	}
	return cells
}

func TestFaultMatrixUp(t *testing.T)   { matrix(t, published(), publishes) }
func TestFaultMatrixDown(t *testing.T) { matrix(t, fetched(), fetches) }

// atOnce is how many cells are tried side by side on a server: they mostly wait.
const atOnce = 6

// matrix tries each cell on each server, with the fault once and for good.
func matrix(t *testing.T, cells []cell, try func(t *testing.T, e, behind env, p *faults.HTTP, c cell, stays bool)) {
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			var group errgroup.Group
			group.SetLimit(atOnce)
			for _, c := range cells {
				for _, stays := range []bool{false, true} {
					if stays && c.stays == onlyOnce {
						continue
					}
					name := fmt.Sprintf("%s/%s/%s", c.place, c.fault.name, map[bool]string{false: "once", true: "for good"}[stays])
					group.Go(func() error {
						t.Run(name, func(t *testing.T) {
							e := newEnv(t, server)
							p, behind := e.behind(t)
							rule := c.Rule
							rule.Matches, rule.Skip = faults.On(c.operation, c.path), c.skip
							if !stays {
								rule.Times = 1
							}
							p.Rules(rule)
							try(t, e, behind, p, c, stays)
						})
						return nil
					})
				}
			}
			_ = group.Wait()
		})
	}
}

// hurried opens a bucket that soon tries again.
func (e env) hurried(t *testing.T) *Bucket {
	t.Helper()
	b := e.open(t)
	b.pace.backoff, b.pace.cut = 5*time.Millisecond, 100*time.Millisecond
	return b
}

// context is that of the requests. Where something stalls, they wait for less than a minute.
func (c cell) context(t *testing.T) context.Context {
	if c.stalls() {
		return withIdle(t.Context(), 300*time.Millisecond)
	}
	return t.Context()
}

func (c cell) stalls() bool { return strings.HasPrefix(c.fault.name, "stalled") }

// publishes runs the requests of a refresh.
func publishes(t *testing.T, e, behind env, p *faults.HTTP, c cell, stays bool) {
	size := 6 * mib // two parts
	if c.place == dumpPut {
		size = mib
	}
	content := random(size)
	b := behind.hurried(t)
	u, err := publishOnce(c.context(t), b, content)
	want := Kind("")
	if stays {
		want = c.stays
	}
	hits := p.Hits()
	p.Rules() // the store recovers
	if want == "" {
		if err != nil {
			t.Fatalf("after %d faults: %v", hits, err)
		}
		e.wantContent(t, u.Key(), content)
	} else if !errors.Is(err, want) {
		t.Fatalf("after %d faults: %v instead of %q", hits, err, want)
	}
	if hits == 0 {
		t.Error("the fault has hit nothing")
	}
	if u == nil {
		return
	}
	if err := u.Abort(); err != nil {
		t.Fatal(err)
	}
	if got, err := e.GetObject(e.bucket, u.Key()); want != "" && err == nil {
		t.Errorf("%d of %d bytes were published although the refresh has failed", len(got), len(content))
	}
	left := func() []string {
		uploads, err := e.Uploads(e.bucket)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(uploads, func(key string) bool { return key != u.Key() }) // without those of requests that arrive late
	}
	uploads := left()
	if len(uploads) > 0 && c.stalls() {
		// A request without an answer in time may arrive after the abort. The next refresh aborts what it began.
		if _, err := e.open(t).AbortUnfinished(t.Context()); err != nil {
			t.Fatal(err)
		}
		uploads = left()
	}
	if len(uploads) > 0 {
		t.Errorf("left behind: %q", uploads)
	}
	if err := e.DeleteObject(e.bucket, u.Key()); err != nil {
		t.Fatal(err)
	}
}

func publishOnce(ctx context.Context, b *Bucket, content []byte) (*Upload, error) {
	if err := b.CanList(ctx); err != nil {
		return nil, err
	}
	if _, err := b.Contents(ctx); err != nil {
		return nil, err
	}
	l, err := b.Acquire(ctx, LeaseOptions{Holder: "matrix"})
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Release(ctx, Published{}) }()
	_, _ = b.AbortUnfinished(ctx)
	u, err := b.Upload(l.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
	if err != nil {
		return u, err
	}
	if _, err := u.Write(content); err != nil {
		return u, err
	}
	return u, u.Complete(l.Context())
}

// fetches runs the requests of a pull.
func fetches(t *testing.T, e, behind env, p *faults.HTTP, c cell, stays bool) {
	content := random(3*mib + 17)
	key := "dumps/shop/" + keyAt(-time.Hour, "aaaaaa")
	e.put(t, key, content)
	defer func() { _ = e.DeleteObject(e.bucket, key) }()
	b := behind.hurried(t)
	w := newMemory(len(content), 0)
	err := fetchOnce(c.context(t), b, w)
	switch {
	case stays && c.stays != "":
		if !errors.Is(err, c.stays) {
			t.Errorf("%v instead of %q", err, c.stays)
		}
	case err != nil:
		t.Error(err)
	case !bytes.Equal(w.p, content):
		t.Error("the fetched dump is not the stored one")
	}
	if p.Hits() == 0 {
		t.Error("the fault has hit nothing")
	}
}

func fetchOnce(ctx context.Context, b *Bucket, w *memory) error {
	if err := b.CanList(ctx); err != nil {
		return err
	}
	newest, err := b.Newest(ctx)
	if err != nil {
		return err
	}
	return b.Fetch(ctx, newest, w, 0, nil)
}
