package zstdfast

import "math/bits"

const (
	// hashBits decides how many positions are remembered. With one more bit, dumps are 3 % smaller and take 14 % longer.
	hashBits = 15
	// minMatch is the shortest match, in bytes.
	minMatch = 4
	// loadSize is how many bytes are read at a position.
	loadSize = 8
	// patience is how many bytes without a match make the steps longer by one.
	patience = 128
)

// hash hashes the lower seven bytes: shorter matches hardly pay. The factor is zstd's own (ZSTD_hash7).
func hash(bytes uint64) uint32 {
	return uint32(bytes << 8 * 58295818150454627 >> (64 - hashBits))
}

// findMatches splits text[start:end] into literals and sequences. It is the parse of zstd's fastest level (ZSTD_compressBlock_fast):
// it looks up one position while it compares the one before, so that it does not wait for memory.
//
// It only reads text from 0 to end. Positions grow, and it reads none from limit on, which is one read before the end. Matches lie
// before the positions. No repeated offset is larger than the current position: a frame begins with 1, which is tried from the
// fourth byte on, and 4, which is tried after a match.
func (e *Encoder) findMatches(text []byte, start, end int) {
	if e.literals == nil {
		e.literals = make([]byte, 0, blockSize+shortSize)
		e.sequences = make([]sequence, 0, blockSize/minMatch)
	}
	literals, sequences := e.literals[:0], e.sequences[:0]
	src, positions := sourceOf(text), &e.positions
	here := max(start, 1) // nothing is before the first byte
	last, beforeLast := e.repeated[0], e.repeated[1]
	anchor := start // where the literals of the next sequence begin
	limit := end - loadSize
search:
	for {
		// next is the position after here; third and fourth are the two after that, a step further.
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
				// At least one literal remains before it. Without one, the code would mean the second last offset.
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
				// It must be within the match: positions ahead of the search must not be found.
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

// shortSize is the usual limit of what [appendShort] appends, in bytes.
const shortSize = 16

// appendShort appends text[from:to] to dst, which has the capacity for it and shortSize bytes more.
func appendShort(dst, text []byte, from, to int) []byte {
	if to-from > shortSize || from+shortSize > len(text) {
		return append(dst, text[from:to]...)
	}
	size := len(dst)
	*(*[shortSize]byte)(dst[size : size+shortSize]) = [shortSize]byte(text[from:])
	return dst[:size+to-from]
}

// common counts the equal bytes from there and from here on, up to end; there is before here.
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
