package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Sizes, in bytes.
const (
	// chunkRaw is how much SQL a chunk has at least, except for the last one.
	chunkRaw = 2 << 20
	// hardChunkRaw is where a chunk ends even inside a statement, and also one that was added as a whole: it
	// bounds the memory that a Writer takes for rows of many megabytes.
	hardChunkRaw = 8 << 20
	// maxChunkRaw is how much SQL a reader accepts in a chunk, maxChunkSize what it accepts in the
	// object: data that cannot be compressed grows a little.
	maxChunkRaw  = 32 << 20
	maxChunkSize = maxChunkRaw + 1<<20
	// maxChunks bounds the memory that an index takes, and so the dump, to 2 TiB of SQL.
	maxChunks = 1 << 20
)

// encoder compresses chunks, one at a time.
type encoder interface {
	// encode appends the compressed chunk to dst.
	encode(dst, raw []byte) ([]byte, error)
}

// decoder decompresses chunks, one at a time.
type decoder interface {
	// decode decompresses a chunk into dst, which is empty and has room for all of it.
	decode(dst, data []byte) ([]byte, error)
	close()
}

// container is how chunks, padding and index are put into one file.
type container interface {
	compression() Compression
	// signature is what a file of ours begins with. It decompresses to nothing, and tells a file that
	// lost its end from one that never had an index.
	signature() []byte
	// newEncoder takes a level from 1 to maxLevel, or 0 for the usual one.
	newEncoder(level int) (encoder, error)
	maxLevel() int
	newDecoder() (decoder, error)
	// pad writes n bytes that decompress to nothing; n is at least minPad.
	pad(out io.Writer, n int64) error
	minPad() int64
	// tail is all that follows the chunks and the padding: the index, and what leads to it.
	tail(block []byte, chunks []Chunk, padding int64) []byte
	// isTail tells by the last bytes of a file whether it ends as ours do.
	isTail(end []byte) bool
	// readIndex reads what tail wrote.
	readIndex(t *tailReader) (*Index, error)
}

// containerOf returns nil for what is only read.
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

// read returns the SQL of a chunk from its bytes in the object, decompressed into dst if that has
// room and checked against all that the index says. What was not written by us never reaches the
// decompressor.
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
