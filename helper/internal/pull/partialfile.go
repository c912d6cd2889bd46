package pull

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"sync"
)

// partialFile is a file that is being fetched. It can be read while it is written; a read of bytes that are still
// missing waits for them.
type partialFile struct {
	file *os.File

	mutex   sync.Mutex
	changed sync.Cond
	spans   []span // the written ranges, in order; no two of them touch
	ended   bool   // the fetch has ended
	err     error  // why it failed; nil if the file is complete
}

// span is a range of a file.
type span struct{ from, to int64 }

// newPartialFile wraps a file whose first bytes are already there.
func newPartialFile(file *os.File, there int64) *partialFile {
	a := &partialFile{file: file}
	a.changed.L = &a.mutex
	if there > 0 {
		a.spans = []span{{0, there}}
	}
	return a
}

// WriteAt writes bytes and wakes the readers that wait for them.
func (a *partialFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := a.file.WriteAt(p, at)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.add(span{at, at + int64(n)})
	a.changed.Broadcast()
	return n, err
}

// isThere records that a range was there before.
func (a *partialFile) isThere(from, to int64) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.add(span{from, to})
}

// add adds a span and joins it with those that it touches.
func (a *partialFile) add(s span) {
	first, _ := slices.BinarySearchFunc(a.spans, s.from, func(other span, from int64) int { return cmp.Compare(other.to, from) })
	last := first
	for ; last < len(a.spans) && a.spans[last].from <= s.to; last++ {
		s.from, s.to = min(s.from, a.spans[last].from), max(s.to, a.spans[last].to)
	}
	a.spans = slices.Replace(a.spans, first, last, s)
}

// end records that the fetch has ended. Readers that wait get the error.
func (a *partialFile) end(err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.ended, a.err = true, err
	a.changed.Broadcast()
}

// await returns when a range is there. It fails if the fetch has failed, even for bytes that are there: a part of an
// incomplete file is of no use.
func (a *partialFile) await(ctx context.Context, from, to int64) error {
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

// has reports whether a range is there.
func (a *partialFile) has(from, to int64) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.covers(from, to)
}

// covers is has for callers that hold the mutex.
func (a *partialFile) covers(from, to int64) bool {
	return slices.ContainsFunc(a.spans, func(s span) bool { return s.from <= from && to <= s.to })
}

// at returns a reader of the file that ends with a context.
func (a *partialFile) at(ctx context.Context) io.ReaderAt { return partialReader{ctx, a} }

type partialReader struct {
	ctx context.Context
	*partialFile
}

func (r partialReader) ReadAt(p []byte, at int64) (int, error) {
	if err := r.await(r.ctx, at, at+int64(len(p))); err != nil {
		return 0, err
	}
	return r.file.ReadAt(p, at)
}
