package mask

import (
	"crypto/cipher"
)

// permutation maps sequences of characters onto one another, each position within its own alphabet, so that distinct sequences stay distinct.
//
// It is FFX (Bellare, Rogaway, Spies 2010; the ancestor of NIST's FF1) with characterwise addition: a Feistel network of ten rounds, in
// each of which one half is added to by a function of the other half, the round and the length, position by position. The function is
// the CBC-MAC of AES-256, whose inputs name their length first. Whatever the function is, a Feistel network is a permutation. A sequence of
// one or two characters has few others to become: that is what a small domain means.
type permutation struct {
	block cipher.Block
	state [16]byte
	more  [16]byte
}

// rounds is the number of rounds of FFX for any length.
const rounds = 10

func newPermutation(key Key, label string) *permutation {
	return &permutation{block: key.block(label)}
}

// apply replaces numbers, each of which is below the radix of its position.
func (p *permutation) apply(numbers, radix []byte) {
	half := len(numbers) / 2
	for round := range byte(rounds) {
		if round%2 == 0 {
			p.add(numbers[:half], numbers[half:], radix[half:], round)
		} else {
			p.add(numbers[half:], numbers[:half], radix[:half], round)
		}
	}
}

// add adds to one half a function of the other.
func (p *permutation) add(from, to, radix []byte, round byte) {
	p.state = [16]byte{round, byte(len(from)), byte(len(from) >> 8), byte(len(to)), byte(len(to) >> 8)}
	p.block.Encrypt(p.state[:], p.state[:])
	for len(from) > 0 {
		n := min(len(from), len(p.state))
		for i, number := range from[:n] {
			p.state[i] ^= number + 1
		}
		from = from[n:]
		p.block.Encrypt(p.state[:], p.state[:])
	}
	// Two bytes for each number: of one byte, the first few of ten digits would be more likely.
	for i := range to {
		at := i % 8
		if at == 0 {
			p.more = p.state
			p.more[0] ^= byte(i / 8)
			p.more[1] ^= byte(i / 8 >> 8)
			p.block.Encrypt(p.more[:], p.more[:])
		}
		random := int(p.more[2*at]) | int(p.more[2*at+1])<<8
		to[i] = byte((int(to[i]) + random) % int(radix[i]))
	}
}
