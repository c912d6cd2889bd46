package zstdfast

import "math/bits"

const (
	// hashBits decides how many positions are remembered. With one bit more, dumps become 3 % smaller and take 14 % longer.
	hashBits = 15
	// minMatch is how long a match is at least, bytes.
	minMatch = 4
	// loadSize is how many bytes are read at a position.
	loadSize = 8
	// patience is how many bytes without a match make the steps longer by one.
	patience = 128
)

// hash is of the lower seven bytes: shorter matches hardly pay. The factor is that of zstd's own (ZSTD_hash7).
func hash(bytes uint64) uint32 {
	return uint32(bytes << 8 * 58295818150454627 >> (64 - hashBits))
}

// findMatches cuts text[start:end] into literals and sequences. It is the parse of zstd's fastest level
// (ZSTD_compressBlock_fast): what was seen at a position is looked up while the one before is compared, so that memory is
// not waited for.
//
// It reads text from 0 to end alone: positions grow, none is looked at from limit on, which is as far from the end as a read
// is long; what they are compared with lies before them. No repeated offset is larger than the position at hand: those that a
// frame begins with are 1, which is tried from the fourth byte on, and 4, tried behind a match.
func (e *Encoder) findMatches(text []byte, start, end int) {
	if e.literals == nil {
		e.literals = make([]byte, 0, blockSize+shortSize)
		e.sequences = make([]sequence, 0, blockSize/minMatch)
	}
	literals, sequences := e.literals[:0], e.sequences[:0]
	src, positions := sourceOf(text), &e.positions
	here := max(start, 1) // nothing lies before the first byte
	last, beforeLast := e.repeated[0], e.repeated[1]
	anchor := start // where the literals of the next sequence begin
	limit := end - loadSize
search:
	for {
		// next is the position after here; third and fourth are the two after these, a step further.
		step, longer := 2, here+patience
		next, third, fourth := here+1, here+step, here+step+1
		if fourth >= limit {
			break
		}
		hashHere, hashNext := hash(src.eight(here)), hash(src.eight(next))
		seen := int(positions[hashHere])
		var match, length int
		var offset uint32
		for {
			positions[hashHere] = uint32(here)
			if src.four(third) == src.four(third-last) {
				positions[hashNext] = uint32(next)
				here, match, length, offset = third, third-last, minMatch, 1
				// That leaves one literal before it at least: without one, the offset before the last would be meant.
				if src.at(here-1) == src.at(match-1) {
					here, match, length = here-1, match-1, length+1
				}
				break
			}
			if src.four(here) == src.four(seen) {
				positions[hashNext] = uint32(next)
			} else {
				seen = int(positions[hashNext])
				hashHere, hashNext = hashNext, hash(src.eight(third))
				here, next, third = next, third, fourth
				positions[hashHere] = uint32(here)
				if src.four(here) != src.four(seen) {
					seen = int(positions[hashNext])
					hashHere, hashNext = hashNext, hash(src.eight(third))
					here, next = next, third
					third, fourth = here+step, next+step
					if third >= longer {
						step++
						longer += patience
					}
					if fourth >= limit {
						break search
					}
					continue
				}
				// It must lie within the match: positions ahead of the search are none to be found.
				if step <= minMatch {
					positions[hashNext] = uint32(next)
				}
			}
			match, length = seen, minMatch
			last, beforeLast = here-match, last
			offset = uint32(last + 3)
			for here > anchor && match > 0 && src.at(here-1) == src.at(match-1) {
				here, match, length = here-1, match-1, length+1
			}
			break
		}

		length += src.common(here+length, match+length, end)
		literals = appendShort(literals, text, anchor, here)
		sequences = append(sequences, sequence{uint32(here - anchor), uint32(length), offset})
		here += length
		anchor = here
		if here >= limit {
			break
		}
		positions[hash(src.eight(here-2))] = uint32(here - 2)
		for here < limit && src.four(here) == src.four(here-beforeLast) {
			length := minMatch + src.common(here+minMatch, here+minMatch-beforeLast, end)
			positions[hash(src.eight(here))] = uint32(here)
			last, beforeLast = beforeLast, last
			sequences = append(sequences, sequence{0, uint32(length), 1})
			here += length
			anchor = here
		}
	}
	e.literals, e.sequences = append(literals, text[anchor:end]...), sequences
	e.repeated = [2]int{last, beforeLast}
}

// shortSize is how long what [appendShort] appends mostly is at most, bytes.
const shortSize = 16

// appendShort appends text[from:to] to dst, which has room for it and shortSize bytes more.
func appendShort(dst, text []byte, from, to int) []byte {
	if to-from > shortSize || from+shortSize > len(text) {
		return append(dst, text[from:to]...)
	}
	size := len(dst)
	*(*[shortSize]byte)(dst[size : size+shortSize]) = [shortSize]byte(text[from:])
	return dst[:size+to-from]
}

// common says how many bytes before end are the same from here and from there on, which is before here.
func (s source) common(here, there, end int) int {
	begin := here
	for here+loadSize <= end {
		if differs := s.eight(here) ^ s.eight(there); differs != 0 {
			return here - begin + bits.TrailingZeros64(differs)/8
		}
		here += loadSize
		there += loadSize
	}
	for here < end && s.at(here) == s.at(there) {
		here++
		there++
	}
	return here - begin
}
