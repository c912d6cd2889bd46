package zstdfast

import (
	"errors"

	"github.com/klauspost/compress/huff0"
)

// Types of the literals of a block (RFC 8878, 3.1.1.3.1.1).
const (
	rawLiterals = iota
	repeatedLiteral
	compressedLiterals
	treelessLiterals
)

const (
	// fewLiterals is the number up to which a tree is not worth it.
	fewLiterals = 16
	// From manyLiterals on there are four streams, which are decoded in parallel.
	manyLiterals = 1 << 10
)

// appendLiterals appends the literals of the block.
func (e *Encoder) appendLiterals(dst []byte) []byte {
	var out []byte
	var sameTree bool
	err := error(huff0.ErrIncompressible)
	length := len(e.literals)
	switch {
	case length >= manyLiterals:
		out, sameTree, err = huff0.Compress4X(e.literals, &e.huffman)
	case length > fewLiterals:
		out, sameTree, err = huff0.Compress1X(e.literals, &e.huffman)
	}
	switch {
	case err == nil:
		e.huffman.Reuse = huff0.ReusePolicyAllow
		kind := uint64(compressedLiterals)
		if sameTree {
			kind = treelessLiterals
		}
		return append(appendCompressedHeader(dst, kind, length, len(out)), out...)
	case errors.Is(err, huff0.ErrUseRLE):
		return append(appendRawHeader(dst, repeatedLiteral, length), e.literals[0])
	default: // too few, or incompressible
		return append(appendRawHeader(dst, rawLiterals, length), e.literals...)
	}
}

// appendRawHeader appends the header of raw literals, or of one repeated literal.
func appendRawHeader(dst []byte, kind uint64, length int) []byte {
	n := uint64(length)
	switch {
	case n < 1<<5:
		return appendBytes(dst, kind|n<<3, 1)
	case n < 1<<12:
		return appendBytes(dst, kind|1<<2|n<<4, 2)
	default:
		return appendBytes(dst, kind|3<<2|n<<4, 3)
	}
}

// appendCompressedHeader appends the header of literals that take size bytes when compressed.
func appendCompressedHeader(dst []byte, kind uint64, length, size int) []byte {
	n, compressed := uint64(length), uint64(size)
	switch {
	case n < manyLiterals:
		return appendBytes(dst, kind|n<<4|compressed<<14, 3)
	case n < 1<<14:
		return appendBytes(dst, kind|2<<2|n<<4|compressed<<18, 4)
	default:
		return appendBytes(dst, kind|3<<2|n<<4|compressed<<22, 5)
	}
}

// appendBytes appends the lower bytes of v.
func appendBytes(dst []byte, v uint64, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}
