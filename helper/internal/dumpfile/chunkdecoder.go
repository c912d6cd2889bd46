package dumpfile

import (
	"fmt"
	"io"
)

// ChunkDecoder reads single chunks of one of our dumps, in any order. It is for one goroutine.
type ChunkDecoder struct {
	chunks []Chunk
	dec    decoder
	data   []byte // of the chunk at hand, as it lies in the object
	raw    []byte // its SQL
}

// NewChunkDecoder reads the chunks of an index that [ReadIndex] gave. Close must be called.
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

// Read gives the SQL of the i-th chunk, read from the object that the index is of. It is valid until the next
// call. A chunk that is not what the index says is a *[DamagedError]; errors of r are wrapped.
func (d *ChunkDecoder) Read(r io.ReaderAt, i int) ([]byte, error) {
	raw, err := d.decode(r, d.chunks[i], reusable(d.raw))
	d.raw = raw
	return raw, err
}

// decode gives the SQL of a chunk, in dst if that has room for it.
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

// Close frees the decompressor. It does not close what was read from.
func (d *ChunkDecoder) Close() { d.dec.close() }
