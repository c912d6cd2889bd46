package zstdfast

import "encoding/binary"

const wordSize = 8

// bitStream writes bits, the lowest first, into a slice with space for them.
type bitStream struct {
	held uint64 // n bits that are not in the slice yet
	n    uint
	size int // bytes in the slice
}

// add adds the lower bits of v, whose other bits must be 0. There must be space for them in held.
func (b bitStream) add(v uint64, bits uint) bitStream {
	b.held |= v << (b.n & 63)
	b.n += bits
	return b
}

// end returns the number of bytes, the last one filled with zeros. All bits must have been flushed.
func (b bitStream) end() int { return b.size + int(b.n+7)/8 }

// flush leaves fewer than eight bits in held. There must be space for a word in the slice.
func (b bitStream) flush(out []byte) bitStream {
	binary.LittleEndian.PutUint64(out[b.size:], b.held)
	b.size += int(b.n / 8)
	b.held >>= b.n &^ 7 & 63
	b.n &= 7
	return b
}
