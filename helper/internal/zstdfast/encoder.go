// Package zstdfast compresses text of a few megabytes into a frame of the zstd format (RFC 8878). It is made for dumps that are written
// as fast as rows arrive. It does one thing: the parse of zstd's fastest level, over a text that is in memory as a whole. It has
// no dictionary, no streaming and no other level. Any zstd decoder reads its frames.
package zstdfast

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/huff0"
)

// MaxSize is the longest text, in bytes. The format's tables that need not be written have no code for larger offsets.
const MaxSize = 256 << 20

const (
	frameMagic = 0xFD2FB528
	// frameForm says that the length of the text follows in four bytes, that it is also the window, and that a checksum ends the
	// frame.
	frameForm = 2<<6 | 1<<5 | 1<<2

	// blockSize is the most text in a block, in bytes; the format's maximum.
	blockSize       = 128 << 10
	blockHeaderSize = 3

	rawBlock        = 0
	compressedBlock = 2
)

// Encoder compresses texts, one at a time. The zero value is ready. It allocates about 1 MiB and keeps it.
type Encoder struct {
	// positions says where in the text a hash of seven bytes was seen last.
	positions [1 << hashBits]uint32
	// repeated is the last two offsets, as the decoder knows them.
	repeated [2]int

	// The current block's.
	literals  []byte
	sequences []sequence
	codes     []codes

	huffman                               huff0.Scratch
	literalLengths, offsets, matchLengths table
}

// sequence is some literals and the match that follows them.
type sequence struct {
	literals uint32 // bytes
	match    uint32 // bytes
	offset   uint32 // as a value of the format: 1 to 3 are repeated offsets, others are three more than the offset
}

// Encode appends a frame with the whole text to dst. It fails if the text is longer than [MaxSize].
func (e *Encoder) Encode(dst, text []byte) ([]byte, error) {
	if len(text) > MaxSize {
		return dst, fmt.Errorf("compress %d bytes at once: %d are the most", len(text), MaxSize)
	}
	clear(e.positions[:])
	e.repeated = [2]int{1, 4}
	e.huffman.Reuse = huff0.ReusePolicyNone
	e.huffman.WantLogLess = 4 // a gain below a sixteenth is not worth the cost of decompressing

	dst = binary.LittleEndian.AppendUint32(dst, frameMagic)
	dst = append(dst, frameForm)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text)))
	for start := 0; ; start += blockSize {
		end := min(start+blockSize, len(text))
		dst = e.appendBlock(dst, text, start, end)
		if end == len(text) {
			return binary.LittleEndian.AppendUint32(dst, uint32(xxhash.Sum64(text))), nil
		}
	}
}

// appendBlock appends text[start:end] as a block.
func (e *Encoder) appendBlock(dst, text []byte, start, end int) []byte {
	repeated := e.repeated
	e.findMatches(text, start, end)

	at := len(dst)
	dst = append(dst, make([]byte, blockHeaderSize)...)
	dst = e.appendLiterals(dst)
	dst = e.appendSequences(dst)
	kind, size := uint32(compressedBlock), len(dst)-at-blockHeaderSize
	if length := end - start; size >= length-length>>6 {
		dst = append(dst[:at+blockHeaderSize], text[start:end]...)
		kind, size = rawBlock, length
		// The decoder learns neither offsets nor a tree from this block.
		e.repeated = repeated
		e.huffman.Reuse = huff0.ReusePolicyNone
	}
	header := kind<<1 | uint32(size)<<3
	if end == len(text) {
		header |= 1 // the last block
	}
	putUint24(dst[at:], header)
	return dst
}

func putUint24(dst []byte, v uint32) {
	dst[0], dst[1], dst[2] = byte(v), byte(v>>8), byte(v>>16)
}
