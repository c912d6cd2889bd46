package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// FetchWindow is how far, in bytes, Fetch may write ahead of the first gap. A file that an interrupted Fetch left behind is complete
// up to its end less FetchWindow.
const FetchWindow = 64 << 20

// writeError is an error of the writer. A new request would not help.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// Range is a range of an object, in bytes.
type Range struct{ Offset, Size int64 }

// Fetch writes an object's bytes, from offset from to its end, to w at their own offsets. It makes several requests at a time,
// which begin in order. A broken request resumes where it stopped. progress may be nil; it gets the size of each written piece,
// one call at a time. If the object is replaced meanwhile, the error is an *Error of kind ErrChanged. Errors of w are returned
// unchanged.
func (b *Bucket) Fetch(ctx context.Context, o Object, w io.WriterAt, from int64, progress func(n int64)) error {
	return b.FetchRanges(ctx, o, w, []Range{{from, o.Size - from}}, progress)
}

// FetchRanges is Fetch for ranges of an object. It fetches them in the given order.
func (b *Bucket) FetchRanges(ctx context.Context, o Object, w io.WriterAt, ranges []Range, progress func(n int64)) error {
	var mu sync.Mutex
	report := func(n int64) {
		if progress != nil {
			mu.Lock()
			defer mu.Unlock()
			progress(n)
		}
	}
	work, inner := errgroup.WithContext(ctx)
	work.SetLimit(b.limits.ranges)
	var started []chan struct{} // closed in order as the requests succeed
	all := true
	for want := range requests(ranges, b.limits.rangeSize) {
		if int64(len(started)+1)*b.limits.rangeSize > FetchWindow {
			select {
			case <-started[0]:
				started = started[1:]
			case <-inner.Done():
			}
		}
		if inner.Err() != nil {
			all = false
			break
		}
		done := make(chan struct{})
		started = append(started, done)
		work.Go(func() error {
			r := b.ranged(inner, o, want.Offset, want.Size)
			defer r.Close()
			if err := copyAt(w, want.Offset, r, report); err != nil {
				return err
			}
			close(done)
			return nil
		})
	}
	err := work.Wait()
	var own writeError
	switch {
	case errors.As(err, &own):
		return own.error
	case err == nil && !all:
		return &cancelled{"fetch", b.target(o.Key), context.Cause(ctx)}
	}
	return err
}

// requests splits ranges into those of single requests.
func requests(ranges []Range, longest int64) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for _, r := range ranges {
			for ; r.Size > 0; r.Offset, r.Size = r.Offset+longest, r.Size-longest {
				if !yield(Range{r.Offset, min(r.Size, longest)}) {
					return
				}
			}
		}
	}
}

// copyAt copies r to w at an offset.
func copyAt(w io.WriterAt, at int64, r io.Reader, report func(int64)) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.WriteAt(buf[:n], at); err != nil {
				return writeError{err}
			}
			at += int64(n)
			report(int64(n))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Open reads an object from beginning to end with one request, which resumes where it breaks. Errors of Read are those of
// Fetch.
func (b *Bucket) Open(ctx context.Context, o Object) io.ReadCloser {
	return b.ranged(ctx, o, 0, o.Size)
}

// ReaderAt reads pieces of an object, each with its own request. Errors are those of Fetch.
func (b *Bucket) ReaderAt(ctx context.Context, o Object) io.ReaderAt { return readerAt{ctx, b, o} }

type readerAt struct {
	ctx context.Context
	b   *Bucket
	o   Object
}

func (r readerAt) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, fmt.Errorf("read %s: negative offset %d", r.b.target(r.o.Key), at)
	}
	if at >= r.o.Size {
		return 0, io.EOF
	}
	size := min(int64(len(p)), r.o.Size-at)
	body := r.b.ranged(r.ctx, r.o, at, size)
	defer body.Close()
	n, err := io.ReadFull(body, p[:size])
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// rangeReader reads a range of an object with as many requests as it takes.
type rangeReader struct {
	ctx       context.Context
	b         *Bucket
	o         Object
	at, left  int64
	body      io.ReadCloser
	fruitless int // successive requests that got no byte
}

func (b *Bucket) ranged(ctx context.Context, o Object, at, size int64) *rangeReader {
	return &rangeReader{ctx: ctx, b: b, o: o, at: at, left: size}
}

func (r *rangeReader) Read(p []byte) (int, error) {
	for r.left > 0 {
		if r.body == nil {
			if err := r.request(); err != nil {
				return 0, err
			}
			if r.body == nil { // the answer was not the store's
				continue
			}
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
		if n > 0 {
			r.at, r.left, r.fruitless = r.at+int64(n), r.left-int64(n), 0
			return n, nil // the next read returns the error again
		}
		if err == nil {
			continue
		}
		// The body broke or ended too early.
		_ = r.Close()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err := r.pause(err); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// pause waits before the next try, or fails if there were too many.
func (r *rangeReader) pause(err error) error {
	if errors.Is(err, ErrChanged) {
		return err
	}
	if r.fruitless++; r.fruitless >= outageAttempts || r.ctx.Err() != nil {
		return r.fail(err)
	}
	_ = clock.Sleep(r.ctx, r.b.pause(r.fruitless)) // after an interruption the next request fails
	return nil
}

// fail names the missing permission. Named versions need another permission than others.
func (r *rangeReader) fail(err error) error {
	action := "s3:GetObject"
	if r.o.VersionID != "" {
		action = "s3:GetObjectVersion"
	}
	return r.b.fail(r.ctx, "fetch", action, r.o.Key, err)
}

// request requests the rest of the range. It sets no body if the answer was not the store's and another try may get it.
func (r *rangeReader) request() error {
	want := fmt.Sprintf("bytes=%d-%d", r.at, r.at+r.left-1)
	in := &s3.GetObjectInput{Bucket: &r.b.name, Key: &r.o.Key, Range: &want, IfMatch: optional(r.o.ETag), VersionId: optional(r.o.VersionID)}
	out, err := r.b.client.GetObject(r.ctx, in, r.b.patient)
	if err != nil {
		return r.fail(err)
	}
	if err := r.b.checkRange(r.o, r.at, r.left, out); err != nil {
		_ = out.Body.Close()
		return r.pause(err)
	}
	r.body = out.Body
	return nil
}

// Close ends the request.
func (r *rangeReader) Close() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}
