package zstdfast

import (
	"math/bits"
	"slices"
)

const (
	// maxSymbols is more than any kind of code has, and a power of two.
	maxSymbols = 64
	// maxStates is the most states of a table.
	maxStates = 1 << 9
	// maxWeightsSize is more than the largest description of a table, with space for a word: ten bits for each symbol.
	maxWeightsSize = 128
	// minAccuracy is the least logarithm of the number of states.
	minAccuracy = 5
)

// table encodes symbols by finite state entropy (RFC 8878, 4.1), with 1<<accuracy states.
type table struct {
	accuracy uint
	states   [maxStates]uint16
	symbols  [maxSymbols]transition
}

// transition leads from a state to the next one for a symbol: (state + bits) >> 16 lower bits of the state are written, and the rest
// plus find is the index in states of the next state. zstd's own encoder does it like this (FSE_buildCTable_wksp): the sum counts
// one more bit from the first state that needs it.
type transition struct {
	bits uint32
	find int32
}

// rare is the weight of a symbol that would have less than one state. It gets one, and all bits of the state are written.
const rare = -1

// build makes the table from weights, which add up to 1<<accuracy; rare counts as 1.
func (t *table) build(weights []int16, accuracy uint) {
	t.accuracy = accuracy
	size := 1 << accuracy
	spread := spreadSymbols(weights, size)

	var next [maxSymbols]int // the index in states of the next state of each symbol
	clear(t.symbols[:])
	total := 0
	for symbol, weight := range weights {
		next[symbol] = total
		n := max(int(weight), -int(weight))
		switch n {
		case 0:
		case 1:
			t.symbols[symbol] = transition{uint32(accuracy)<<16 - uint32(size), int32(total - 1)}
		default:
			most := uint32(accuracy) + 1 - uint32(bits.Len(uint(n-1)))
			t.symbols[symbol] = transition{most<<16 - uint32(n)<<most, int32(total - n)}
		}
		total += n
	}
	for i, symbol := range spread[:size] {
		t.states[next[symbol]] = uint16(size + i)
		next[symbol]++
	}
}

// spreadSymbols assigns a symbol to each state, in the order of the format (RFC 8878, 4.1.1).
func spreadSymbols(weights []int16, size int) (spread [maxStates]uint8) {
	high := size - 1
	for symbol, weight := range weights {
		if weight == rare {
			spread[high] = uint8(symbol)
			high--
		}
	}
	step, mask := size>>1+size>>3+3, size-1
	at := 0
	for symbol, weight := range weights {
		for ; weight > 0; weight-- {
			spread[at] = uint8(symbol)
			for at = (at + step) & mask; at > high; at = (at + step) & mask {
			}
		}
	}
	return spread
}

// buildSingle makes the table of one symbol, which takes no bits.
func (t *table) buildSingle() {
	t.accuracy, t.states[0] = 0, 0
	clear(t.symbols[:])
}

// first is the state for the last symbol, in which the decoder ends. It takes no bits.
func (t *table) first(symbol uint8) uint32 {
	transition := t.symbols[symbol%maxSymbols]
	n := (transition.bits + 1<<15) >> 16
	return uint32(t.states[int32((n<<16-transition.bits)>>n)+transition.find])
}

// weigh scales counts, of more than one symbol, to weights that add up to 1<<accuracy. There must be as many states as symbols.
func weigh(counts []uint32, total int, accuracy uint) (weights [maxSymbols]int16) {
	left := 1 << accuracy
	largest := 0
	for symbol, count := range counts {
		if count == 0 {
			continue
		}
		weights[symbol] = int16(max((int(count)<<accuracy+total/2)/total, 1))
		left -= int(weights[symbol])
		if weights[symbol] > weights[largest] {
			largest = symbol
		}
	}
	// Correct the error of rounding. The larger a weight, the less a correction matters.
	for left < 0 && -left >= int(weights[largest])/2 {
		less := weights[largest] / 2
		weights[largest] -= less
		left += int(less)
		for symbol := range counts {
			if weights[symbol] > weights[largest] {
				largest = symbol
			}
		}
	}
	weights[largest] += int16(left)
	return weights
}

// appendWeights appends the description of a table (RFC 8878, 4.1.1). The last weight is not 0, none is rare.
func appendWeights(dst []byte, weights []int16, accuracy uint) []byte {
	begin := len(dst)
	dst = slices.Grow(dst, maxWeightsSize)
	out := dst[begin:cap(dst)]
	b := bitStream{}.add(uint64(accuracy-minAccuracy), 4)
	left := 1<<accuracy + 1
	threshold, width := 1<<accuracy, accuracy+1
	for symbol := 0; left > 1; symbol++ {
		value := int(weights[symbol]) + 1
		left -= value - 1
		// Values that leave the fewest possibilities take one bit less.
		short := 2*threshold - 1 - (left + value - 1)
		switch {
		case value < short:
			b = b.add(uint64(value), width-1)
		case value < threshold:
			b = b.add(uint64(value), width)
		default:
			b = b.add(uint64(value+short), width)
		}
		b = b.flush(out)
		for left < threshold {
			threshold >>= 1
			width--
		}
		if value != 1 || left <= 1 {
			continue
		}
		// The number of further symbols without weight, in groups of three.
		more := 0
		for weights[symbol+1+more] == 0 {
			more++
		}
		symbol += more
		for ; more >= 3; more -= 3 {
			b = b.add(3, 2)
		}
		b = b.add(uint64(more), 2).flush(out)
	}
	return dst[:begin+b.end()]
}
