package dumpfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// tailWindow is how much is read at once from the end of an object: enough for the index of a dump
// of a gigabyte and more, so that one request does.
const tailWindow = 128 << 10

// tailReader reads from the end of an object of known size, most often from memory.
type tailReader struct {
	r    io.ReaderAt // nil if buf is all there is
	size int64
	buf  []byte // the last bytes of the object
}

func newTailReader(r io.ReaderAt, size int64) (*tailReader, error) {
	t := &tailReader{r: r, size: size}
	var err error
	n := min(size, tailWindow)
	t.buf, err = t.bytes(size-n, n)
	return t, err
}

// bytes returns n bytes at an offset; that both lie within the object, and that n is not too much to
// allocate, is for the caller to know.
func (t *tailReader) bytes(offset, n int64) ([]byte, error) {
	if start := t.size - int64(len(t.buf)); offset >= start {
		return t.buf[offset-start : offset-start+n], nil
	}
	if t.r == nil {
		return nil, ErrNoIndex
	}
	data := make([]byte, n)
	if got, err := t.r.ReadAt(data, offset); got < len(data) {
		return nil, fmt.Errorf("read the dump's index: %w", noEOF(err))
	}
	return data, nil
}

// ReadIndex reads the index of an object of the given size in bytes; c is the compression that its
// name tells. It reads the end of the object, and the beginning where that end is not one of ours.
//
// It returns ErrNoIndex for a dump that others made, a *[DamagedError] for one of ours that was cut
// or altered in its last part, and a *[NewerFormatError]. That the index can be read says nothing
// about the chunks: [NewChunkReader] and [NewVerifier] check those.
func ReadIndex(r io.ReaderAt, size int64, c Compression) (*Index, error) {
	form := containerOf(c)
	if form == nil || size <= 0 {
		return nil, ErrNoIndex
	}
	t, err := newTailReader(r, size)
	if err != nil {
		return nil, err
	}
	err = ErrNoIndex
	if form.isTail(t.buf) {
		var idx *Index
		if idx, err = form.readIndex(t); err == nil {
			return idx, nil
		}
	}
	if !errors.Is(err, ErrNoIndex) && !errors.Is(err, ErrCorrupt) {
		return nil, err
	}
	// Somebody else's dump, or one of ours without its end? Ours begin with a signature.
	signature := form.signature()
	if size < int64(len(signature)) {
		return nil, ErrNoIndex
	}
	head, readErr := t.bytes(0, int64(len(signature)))
	switch {
	case readErr != nil:
		return nil, readErr
	case !bytes.Equal(head, signature):
		return nil, ErrNoIndex
	case errors.Is(err, ErrNoIndex):
		return nil, truncated(size, "the index that should end here is missing")
	default:
		return nil, err
	}
}
