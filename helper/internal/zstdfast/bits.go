package zstdfast

import "encoding/binary"

const wordSize = 8

// bitStream is bits, the lowest first, that go into a slice with room for them.
type bitStream struct {
	held uint64 // n bits that are not in the slice yet
	n    uint
	size int // of what is, bytes
}

// add adds the lower bits of v, which has no others; there must be room for them in held.
func (b bitStream) add(v uint64, bits uint) bitStream {
	b.held |= v << (b.n & 63)
	b.n += bits
	return b
}

// end says how many bytes there are, the last one filled with zeros, of bits that have been flushed.
func (b bitStream) end() int { return b.size + int(b.n+7)/8 }

// flush leaves fewer than eight bits; there must be room for a word in the slice.
func (b bitStream) flush(out []byte) bitStream {
	binary.LittleEndian.PutUint64(out[b.size:], b.held)
	b.size += int(b.n / 8)
	b.held >>= b.n &^ 7 & 63
	b.n &= 7
	return b
}
