package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Sizes, in bytes.
const (
	// chunkRaw is the least size of a chunk's SQL. Only the last chunk may be smaller.
	chunkRaw = 2 << 20
	// hardChunkRaw is the size at which a chunk ends even inside a statement, also one that was added as a whole. It bounds
	// the memory of a Writer for rows of many megabytes.
	hardChunkRaw = 8 << 20
	// maxChunkRaw is the largest SQL of a chunk that a reader accepts, and maxChunkSize the largest compressed chunk: data
	// that cannot be compressed grows a little.
	maxChunkRaw  = 32 << 20
	maxChunkSize = maxChunkRaw + 1<<20
	// maxChunks bounds the memory of an index, and so the dump, to 2 TiB of SQL.
	maxChunks = 1 << 20
)

// encoder compresses chunks, one at a time.
type encoder interface {
	// encode appends the compressed chunk to dst.
	encode(dst, raw []byte) ([]byte, error)
}

// decoder decompresses chunks, one at a time.
type decoder interface {
	// decode decompresses a chunk into dst, which is empty and has the capacity for all of it.
	decode(dst, data []byte) ([]byte, error)
	close()
}

// container is the file format that holds chunks, padding and index.
type container interface {
	compression() Compression
	// signature is the beginning of our files. It decompresses to nothing. It distinguishes a file that lost its end
	// from one that never had an index.
	signature() []byte
	// newEncoder takes a level from 1 to maxLevel, or 0 for the default.
	newEncoder(level int) (encoder, error)
	maxLevel() int
	newDecoder() (decoder, error)
	// pad writes n bytes that decompress to nothing; n is at least minPad.
	pad(out io.Writer, n int64) error
	minPad() int64
	// tail returns everything after the chunks and the padding: the index, and what leads to it.
	tail(block []byte, chunks []Chunk, padding int64) []byte
	// isTail reports whether the last bytes of a file are those of our format.
	isTail(end []byte) bool
	// readIndex reads what tail wrote.
	readIndex(t *tailReader) (*Index, error)
}

// containerOf returns nil for a format that is only read.
func containerOf(c Compression) container {
	switch c {
	case Zstd:
		return zstdContainer{}
	case Gzip:
		return gzipContainer{}
	default:
		return nil
	}
}

// read returns the SQL of a chunk from its bytes in the object. It decompresses into dst if the capacity suffices, and
// checks everything that the index says. The decompressor only gets bytes that we wrote.
func (c Chunk) read(dec decoder, dst, data []byte) ([]byte, error) {
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], c.SHA256[:]) {
		return nil, corrupt(c.Offset, "the chunk has another SHA-256 than in the index")
	}
	if int64(cap(dst)) < c.RawSize {
		dst = make([]byte, 0, c.RawSize)
	}
	raw, err := dec.decode(dst[:0], data)
	switch {
	case err != nil:
		return nil, corrupt(c.Offset, "%v", err)
	case int64(len(raw)) != c.RawSize:
		return nil, corrupt(c.Offset, "the chunk has %d bytes of SQL, not %d", len(raw), c.RawSize)
	case lastFour(data) != c.check:
		return nil, corrupt(c.Offset, "the chunk has another checksum than in the seek table")
	}
	return raw, nil
}

func lastFour(data []byte) uint32 {
	if len(data) < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(data[len(data)-4:])
}
