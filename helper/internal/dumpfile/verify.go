package dumpfile

import (
	"bytes"
	"errors"
	"io"
)

// NewVerifier reads the SQL of a dump from its whole object. It returns io.EOF only if every byte that matters is right. With an
// index that [ReadIndex] found in the same object, these are the chunks, their checksums, the padding and the index itself.
// Without one it is [NewReader]. Close must be called; it does not close r.
func NewVerifier(r io.Reader, c Compression, idx *Index) (io.ReadCloser, error) {
	if idx == nil {
		return NewReader(r, c)
	}
	form := containerOf(idx.Compression)
	if form == nil || idx.size == 0 {
		return nil, errors.New("the index was not read from a dump")
	}
	dec, err := form.newDecoder()
	if err != nil {
		return nil, err
	}
	return &verifier{src: newSource(r), form: form, dec: dec, idx: idx}, nil
}

type verifier struct {
	src  *source
	form container
	dec  decoder
	idx  *Index

	next    int    // the number of the next chunk
	data    []byte // of a chunk
	raw     []byte
	current []byte // the part of raw that was not read yet
	err     error
}

func (v *verifier) Read(p []byte) (int, error) {
	if len(v.current) == 0 && v.err == nil {
		v.err = v.advance()
	}
	if v.err != nil {
		return 0, v.err
	}
	n := copy(p, v.current)
	v.current = v.current[n:]
	return n, nil
}

// advance reads the next chunk, or everything after the last one.
func (v *verifier) advance() error {
	if v.src.offset() == 0 {
		if err := v.expect(v.form.signature(), "the signature"); err != nil {
			return err
		}
	}
	if v.next == len(v.idx.Chunks) {
		return v.finish()
	}
	chunk := v.idx.Chunks[v.next]
	v.next++
	if int64(cap(v.data)) < chunk.Size {
		v.data = make([]byte, chunk.Size)
	}
	v.data = v.data[:chunk.Size]
	if err := v.readFull(v.data); err != nil {
		return err
	}
	raw, err := chunk.read(v.dec, v.raw, v.data)
	if err != nil {
		return err
	}
	v.raw, v.current = raw, raw
	return nil
}

// finish checks what follows the chunks, and returns io.EOF if it is right.
func (v *verifier) finish() error {
	if padding := v.idx.at - v.src.offset(); padding > 0 {
		if err := v.form.pad(writerFunc(func(want []byte) error {
			return v.expect(want, "the padding")
		}), padding); err != nil {
			return err
		}
	}
	// ReadIndex has allocated as much for it.
	tail := make([]byte, v.idx.size-v.idx.at)
	if err := v.readFull(tail); err != nil {
		return err
	}
	t := &tailReader{size: v.idx.size, buf: tail}
	if !v.form.isTail(tail) {
		return corrupt(v.idx.at, "this is not the index that was read before")
	}
	idx, err := v.form.readIndex(t)
	if errors.Is(err, ErrNoIndex) || err == nil && idx.payload != v.idx.payload {
		return corrupt(v.idx.at, "this is not the index that was read before")
	}
	if err != nil {
		return err
	}
	switch _, err := v.src.ReadByte(); err {
	case nil:
		return corrupt(v.idx.size, "the object goes on behind its end")
	case io.EOF:
		return io.EOF
	default:
		return v.src.damage(err)
	}
}

// expect reads bytes that must have a known value.
func (v *verifier) expect(want []byte, what string) error {
	at := v.src.offset()
	got := make([]byte, len(want))
	if err := v.readFull(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return corrupt(at, "%s is wrong", what)
	}
	return nil
}

func (v *verifier) readFull(p []byte) error {
	_, err := io.ReadFull(v.src, p)
	if err != nil && v.src.in.err == nil {
		return truncated(v.src.offset(), "it should have %d bytes", v.idx.size)
	}
	if err != nil {
		return v.src.damage(err)
	}
	return nil
}

func (v *verifier) Close() error {
	v.dec.close()
	if v.err == nil {
		v.err = errReaderClosed
	}
	return nil
}
