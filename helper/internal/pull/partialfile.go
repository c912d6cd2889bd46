package pull

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"sync"
)

// arrival is a file that is being fetched: it can be read while it is written, and who asks for what has not
// come yet waits for it.
type arrival struct {
	file *os.File

	mutex   sync.Mutex
	changed sync.Cond
	spans   []span // that have come, in order; no two of them touch
	ended   bool   // nothing more will come
	err     error  // because of this, nil where all has come
}

// span is a stretch of a file.
type span struct{ from, to int64 }

// newArrival is a file whose first bytes are there already.
func newArrival(file *os.File, there int64) *arrival {
	a := &arrival{file: file}
	a.changed.L = &a.mutex
	if there > 0 {
		a.spans = []span{{0, there}}
	}
	return a
}

// WriteAt writes what has come.
func (a *arrival) WriteAt(p []byte, at int64) (int, error) {
	n, err := a.file.WriteAt(p, at)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.add(span{at, at + int64(n)})
	a.changed.Broadcast()
	return n, err
}

// add joins a span with those that it touches.
func (a *arrival) add(s span) {
	first, _ := slices.BinarySearchFunc(a.spans, s.from, func(other span, from int64) int { return cmp.Compare(other.to, from) })
	last := first
	for ; last < len(a.spans) && a.spans[last].from <= s.to; last++ {
		s.from, s.to = min(s.from, a.spans[last].from), max(s.to, a.spans[last].to)
	}
	a.spans = slices.Replace(a.spans, first, last, s)
}

// whole is how many bytes from the beginning on have come without a gap.
func (a *arrival) whole() int64 {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if len(a.spans) == 0 || a.spans[0].from > 0 {
		return 0
	}
	return a.spans[0].to
}

// end says that nothing more will come; who waits then gets the error.
func (a *arrival) end(err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.ended, a.err = true, err
	a.changed.Broadcast()
}

// await returns when a stretch has come. Where the fetch has failed it fails, whatever has come: nobody needs
// a part of what will not be whole.
func (a *arrival) await(ctx context.Context, from, to int64) error {
	wake := context.AfterFunc(ctx, func() {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		a.changed.Broadcast()
	})
	defer wake()
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case a.err != nil:
			return a.err
		case a.covers(from, to):
			return nil
		case a.ended:
			return io.ErrUnexpectedEOF
		}
		a.changed.Wait()
	}
}

// has says whether a stretch has come.
func (a *arrival) has(from, to int64) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.covers(from, to)
}

// covers is has for who holds the mutex.
func (a *arrival) covers(from, to int64) bool {
	return slices.ContainsFunc(a.spans, func(s span) bool { return s.from <= from && to <= s.to })
}

// at reads the file for as long as a context lasts.
func (a *arrival) at(ctx context.Context) io.ReaderAt { return arrivalReader{ctx, a} }

type arrivalReader struct {
	ctx context.Context
	*arrival
}

func (r arrivalReader) ReadAt(p []byte, at int64) (int, error) {
	if err := r.await(r.ctx, at, at+int64(len(p))); err != nil {
		return 0, err
	}
	return r.file.ReadAt(p, at)
}
