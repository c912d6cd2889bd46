package zstdfast

import "math/bits"

// codes are the codes of a sequence's numbers: each number is a code and, usually, some more bits.
type codes struct{ literals, match, offset uint8 }

// kind is one of the three kinds of codes (RFC 8878, 3.1.1.3.2).
type kind struct {
	symbols     int // the number of symbols
	maxAccuracy uint
	// Every decoder knows these.
	known         []int16
	knownAccuracy uint
}

var (
	literalLengthKind = kind{
		symbols: 36, maxAccuracy: 9, knownAccuracy: 6,
		known: []int16{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1},
	}
	offsetKind = kind{
		symbols: 32, maxAccuracy: 8, knownAccuracy: 5,
		known: []int16{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1},
	}
	matchLengthKind = kind{
		symbols: 53, maxAccuracy: 9, knownAccuracy: 6,
		known: []int16{1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1},
	}
)

// The number of bits that follow a code, and the first number of that code. For an offset, the code is the number of bits.
var (
	literalLengthBits = [maxSymbols]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	literalLengthBase = baseOf(0, literalLengthBits)
	matchLengthBits   = [maxSymbols]uint8{32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matchLengthBase   = baseOf(3, matchLengthBits)
)

func baseOf(first uint32, bits [maxSymbols]uint8) (base [maxSymbols]uint32) {
	for code := range base {
		base[code] = first
		first += 1 << bits[code]
	}
	return base
}

// Codes of small numbers.
var (
	literalLengthCodes = codesOf[[64]uint8](literalLengthBase)
	matchLengthCodes   = codesOf[[128]uint8](matchLengthBase)
)

func codesOf[T [64]uint8 | [128]uint8](base [maxSymbols]uint32) (codes T) {
	code := uint8(0)
	for n := range len(codes) {
		if uint32(n)+base[0] == base[code+1] {
			code++
		}
		codes[n] = code
	}
	return codes
}

// codes returns the codes of a sequence.
func (s sequence) codes() (c codes) {
	if s.literals < uint32(len(literalLengthCodes)) {
		c.literals = literalLengthCodes[s.literals]
	} else {
		c.literals = uint8(bits.Len32(s.literals)) + 18 // from 64 on, one code for each number of bits
	}
	if length := s.match - 3; length < uint32(len(matchLengthCodes)) {
		c.match = matchLengthCodes[length]
	} else {
		c.match = uint8(bits.Len32(length)) + 35 // from 131 on
	}
	c.offset = uint8(bits.Len32(s.offset)) - 1
	return c
}
