package dumpfile

import (
	"fmt"
	"io"
)

// ChunkDecoder reads single chunks of one of our dumps, in any order. It is for one goroutine.
type ChunkDecoder struct {
	chunks []Chunk
	dec    decoder
	data   []byte // the current chunk as it is in the object
	raw    []byte // its SQL
}

// NewChunkDecoder returns a decoder for the chunks of an index that [ReadIndex] returned. Close must be called.
func NewChunkDecoder(idx *Index) (*ChunkDecoder, error) {
	form := containerOf(idx.Compression)
	if form == nil {
		return nil, ErrNoIndex
	}
	dec, err := form.newDecoder()
	if err != nil {
		return nil, err
	}
	return &ChunkDecoder{chunks: idx.Chunks, dec: dec}, nil
}

// Read returns the SQL of the i-th chunk, read from the index's object. It is valid until the next call. For a chunk
// that does not match the index it returns a *[DamagedError]. Errors of r are wrapped.
func (d *ChunkDecoder) Read(r io.ReaderAt, i int) ([]byte, error) {
	raw, err := d.decode(r, d.chunks[i], reusable(d.raw))
	d.raw = raw
	return raw, err
}

// decode returns the SQL of a chunk, in dst if its capacity suffices.
func (d *ChunkDecoder) decode(r io.ReaderAt, chunk Chunk, dst []byte) ([]byte, error) {
	d.data = reusable(d.data)
	if int64(cap(d.data)) < chunk.Size {
		d.data = make([]byte, chunk.Size)
	}
	d.data = d.data[:chunk.Size]
	if n, err := r.ReadAt(d.data, chunk.Offset); n < len(d.data) {
		return nil, fmt.Errorf("read the dump at byte %d: %w", chunk.Offset+int64(n), noEOF(err))
	}
	return chunk.read(d.dec, dst, d.data)
}

// Close frees the decompressor. It does not close r.
func (d *ChunkDecoder) Close() { d.dec.close() }
