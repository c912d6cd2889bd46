package dumpfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// tailWindow is how much is read at once from the end of an object. It suffices for the index of a dump of more than a gigabyte,
// so that one request is enough.
const tailWindow = 128 << 10

// tailReader reads from the end of an object of known size, usually from memory.
type tailReader struct {
	r    io.ReaderAt // nil if buf has everything
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

// bytes returns n bytes at an offset. The caller knows that both are within the object and that n is not too much to allocate.
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

// ReadIndex reads the index of an object of the given size in bytes; c is the compression that its name says. It reads the end of
// the object. If that is not ours, it also reads the beginning.
//
// It returns ErrNoIndex for a dump by another tool, a *[DamagedError] for one of ours that was cut or changed near its end, and
// a *[NewerFormatError]. It does not check the chunks: [NewChunkReader] and [NewVerifier] do.
func ReadIndex(r io.ReaderAt, size int64, c Compression) (*Index, error) {
	idx, err := readIndexOnce(r, size, c)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTruncated) { // perhaps only what has arrived is damaged
		return readIndexOnce(r, size, c)
	}
	return idx, err
}

func readIndexOnce(r io.ReaderAt, size int64, c Compression) (*Index, error) {
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
	// Is it a foreign dump, or one of ours without its end? Ours begin with a signature.
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
