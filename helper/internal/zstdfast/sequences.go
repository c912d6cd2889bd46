package zstdfast

import (
	"math/bits"
	"slices"
)

// Where a table comes from (RFC 8878, 3.1.1.3.2.1.1).
const (
	knownTable = iota
	singleTable
	newTable
)

const (
	// fewSequences are not worth tables of their own.
	fewSequences = 48
	// maxSequenceSize is the largest size of a sequence: 26 bits for three states, 16 and 16 for lengths, 28 for the offset.
	maxSequenceSize = 11
)

// appendSequences appends the sequences of the block.
func (e *Encoder) appendSequences(dst []byte) []byte {
	switch n := len(e.sequences); {
	case n == 0:
		return append(dst, 0)
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7F00:
		dst = append(dst, byte(n>>8)+128, byte(n))
	default:
		dst = append(dst, 255, byte(n-0x7F00), byte((n-0x7F00)>>8))
	}
	var literals, matches, offsets [maxSymbols]uint32
	e.codes = e.codes[:0]
	for _, s := range e.sequences {
		c := s.codes()
		e.codes = append(e.codes, c)
		literals[c.literals%maxSymbols]++
		matches[c.match%maxSymbols]++
		offsets[c.offset%maxSymbols]++
	}
	at := len(dst)
	dst = append(dst, 0)
	dst, fromLiterals := e.literalLengths.choose(dst, &literals, len(e.sequences), literalLengthKind)
	dst, fromOffsets := e.offsets.choose(dst, &offsets, len(e.sequences), offsetKind)
	dst, fromMatches := e.matchLengths.choose(dst, &matches, len(e.sequences), matchLengthKind)
	dst[at] = fromLiterals<<6 | fromOffsets<<4 | fromMatches<<2
	return e.appendStates(dst)
}

// choose makes the table for the counted codes. It appends what a decoder needs for the table, and returns where the table comes from.
func (t *table) choose(dst []byte, counts *[maxSymbols]uint32, total int, kind kind) ([]byte, byte) {
	last, different := 0, 0
	for symbol, count := range counts[:kind.symbols] {
		if count > 0 {
			last = symbol
			different++
		}
	}
	switch {
	case different == 1:
		t.buildSingle()
		return append(dst, byte(last)), singleTable
	case total < fewSequences:
		t.build(kind.known, kind.knownAccuracy)
		return dst, knownTable
	}
	// Four codes for each state on average, but at least two states for every symbol.
	accuracy := max(uint(bits.Len(uint(total)))-2, uint(bits.Len(uint(last)))+1, minAccuracy)
	accuracy = min(accuracy, kind.maxAccuracy)
	weights := weigh(counts[:last+1], total, accuracy)
	t.build(weights[:last+1], accuracy)
	return appendWeights(dst, weights[:last+1], accuracy), newTable
}

// appendStates appends the stream of bits, which a decoder reads from its end: the last sequence comes first
// (RFC 8878, 3.1.1.3.2.1.2 and 4.1).
func (e *Encoder) appendStates(dst []byte) []byte {
	begin := len(dst)
	dst = slices.Grow(dst, (len(e.sequences)+1)*maxSequenceSize+wordSize)
	out := dst[begin:cap(dst)]

	var b bitStream
	last := len(e.sequences) - 1
	literals, matches, offsets := &e.literalLengths, &e.matchLengths, &e.offsets
	literal, match, offset := literals.first(e.codes[last].literals), matches.first(e.codes[last].match), offsets.first(e.codes[last].offset)
	for i := last; i >= 0; i-- {
		s, c := e.sequences[i], e.codes[i]
		if i < last {
			b, offset = b.addState(offsets, offset, c.offset)
			b, match = b.addState(matches, match, c.match)
			b, literal = b.addState(literals, literal, c.literals)
		}
		// The bits that follow the codes.
		inLiterals, inMatch, inOffset := uint(literalLengthBits[c.literals%maxSymbols]), uint(matchLengthBits[c.match%maxSymbols]), uint(c.offset%32)
		lengths := uint64(s.match-matchLengthBase[c.match%maxSymbols])<<inLiterals | uint64(s.literals-literalLengthBase[c.literals%maxSymbols])
		distance := uint64(s.offset) &^ (1 << inOffset)
		if b.n+inLiterals+inMatch+inOffset < 8*wordSize {
			b = b.add(distance<<(inLiterals+inMatch)|lengths, inLiterals+inMatch+inOffset).flush(out)
		} else {
			b = b.flush(out).add(lengths, inLiterals+inMatch).flush(out).add(distance, inOffset).flush(out)
		}
	}
	b = b.add(uint64(match)&(1<<matches.accuracy-1), matches.accuracy)
	b = b.add(uint64(offset)&(1<<offsets.accuracy-1), offsets.accuracy)
	b = b.add(uint64(literal)&(1<<literals.accuracy-1), literals.accuracy)
	b = b.add(1, 1).flush(out) // marks the last bit for the decoder
	return dst[:begin+b.end()]
}

// addState adds the bits that lead from a state to the next one for a symbol.
func (b bitStream) addState(t *table, state uint32, symbol uint8) (bitStream, uint32) {
	step := t.symbols[symbol%maxSymbols]
	n := (state + step.bits) >> 16 & 31
	return b.add(uint64(state&(1<<n-1)), uint(n)), uint32(t.states[(int32(state>>n)+step.find)%maxStates])
}
