package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
)

// contents are the chunks of a dump, whatever their order: each one's hash, and one for chunks that continue one another.
type contents struct {
	sums    []Digest
	open    []byte // what the next sum is of, while chunks continue one another
	unknown bool   // the SQL of a chunk has no hash
}

// add adds the next chunk of the dump.
func (c *contents) add(chunk Chunk) {
	if chunk.RawSHA256 == nil {
		c.unknown = true
		return
	}
	about, err := json.Marshal(chunk.About)
	if err != nil {
		c.unknown = true
		return
	}
	c.open = binary.BigEndian.AppendUint64(append(c.open, about...), uint64(chunk.RawSize))
	c.open = append(c.open, chunk.RawSHA256[:]...)
	if !chunk.Partial {
		c.sums = append(c.sums, sha256.Sum256(c.open))
		c.open = c.open[:0]
	}
}

// same reports whether both have the same chunks.
func (c *contents) same(other *contents) bool {
	if c.unknown || other.unknown || len(c.open) > 0 || len(other.open) > 0 {
		return false
	}
	order := func(a, b Digest) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(c.sums, order)
	slices.SortFunc(other.sums, order)
	return slices.Equal(c.sums, other.sums)
}

// SameAs ends the text and reports whether the SQL is that of another dump: the same chunks, whose order may differ. After it nothing but
// Close or Abort may be called.
func (w *Writer) SameAs(other *Index) (bool, error) {
	if err := w.finish(); err != nil {
		return false, err
	}
	var known contents
	for _, chunk := range other.Chunks {
		known.add(chunk)
	}
	return w.contents.same(&known), nil
}
