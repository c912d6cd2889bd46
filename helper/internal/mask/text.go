package mask

import (
	"encoding/binary"
	"math/rand/v2"
	"unicode"
	"unicode/utf8"
)

// class is what a character of text is to a masker.
type class uint8

const (
	kept class = iota // spaces, punctuation, symbols
	lower
	upper
	digit
	wide // a letter or a mark beyond ASCII, or a byte that is not UTF-8
)

// asciiClass has the classes of all bytes.
var asciiClass = func() (classes [256]class) {
	for c := range 256 {
		switch {
		case c >= utf8.RuneSelf:
			classes[c] = wide
		case 'a' <= c && c <= 'z':
			classes[c] = lower
		case 'A' <= c && c <= 'Z':
			classes[c] = upper
		case '0' <= c && c <= '9':
			classes[c] = digit
		}
	}
	return classes
}()

// random is a stream of numbers that a value's hash begins: PCG, whose output is specified for ever. It is no cipher, and need not be one:
// whoever computes its state learns 128 bits of the keyed hash of that one value.
type random struct {
	source rand.PCG
	word   uint64
	left   int // bits of word
}

func newRandom() *random { return &random{} }

func (r *random) seed(sum []byte) {
	r.source.Seed(binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:]))
	r.left = 0
}

// below returns a number below n, at most 2^16. Some numbers are a little more likely than others, which does no harm here.
func (r *random) below(n int) int {
	if r.left < 32 {
		r.word, r.left = r.source.Uint64(), 64
	}
	bits := uint32(r.word)
	r.word >>= 32
	r.left -= 32
	return int(uint64(bits) * uint64(n) >> 32)
}

// text replaces each word with one of the same length, each digit with another, and keeps everything between them. Letters beyond ASCII
// become ASCII letters, so no value gets longer, in characters or in bytes.
type text struct {
	*hasher
	random *random
}

func newText(key Key, column Column) (Masker, error) {
	if err := onlyFor("text", column, Text, Binary); err != nil {
		return nil, err
	}
	if column.Unique {
		return nil, uniqueErr("text", "hash")
	}
	return newTextMasker(key, column.Folded), nil
}

func newTextMasker(key Key, folded bool) *text {
	return &text{key.hasher("text", folded), newRandom()}
}

func (m *text) Mask(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	m.random.seed(m.hash(value))
	return m.replace(dst, value), false
}

// replace appends text of the same shape, drawn from what follows in the random stream.
func (m *text) replace(dst, value []byte) []byte {
	for i := 0; i < len(value); {
		switch c := value[i]; asciiClass[c] {
		case kept:
			dst = append(dst, c)
			i++
		case digit:
			dst = append(dst, '0'+byte(m.random.below(10)))
			i++
		case wide:
			if r, size := utf8.DecodeRune(value[i:]); !isLetter(r) {
				dst = append(dst, value[i:i+size]...)
				i += size
				continue
			}
			fallthrough
		default:
			end, letters := wordEnd(value, i)
			dst = m.word(dst, value[i:end], letters)
			i = end
		}
	}
	return dst
}

// isLetter says whether a character beyond ASCII carries meaning. A byte that is not UTF-8 may be a letter of another character set.
func isLetter(r rune) bool {
	return r == utf8.RuneError || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)
}

// wordEnd returns where the word that begins at i ends, and how many letters it has.
func wordEnd(value []byte, i int) (end, letters int) {
	for i < len(value) {
		switch asciiClass[value[i]] {
		case kept, digit:
			return i, letters
		case wide:
			r, size := utf8.DecodeRune(value[i:])
			if !isLetter(r) {
				return i, letters
			}
			i += size
		default:
			i++
		}
		letters++
	}
	return i, letters
}

// word appends a word with that many letters, in upper case where the old one has upper case.
func (m *text) word(dst, old []byte, letters int) []byte {
	begin := len(dst)
	for left := letters; left > 0; {
		n := min(left, longestWord)
		words := wordsOf[n]
		at := m.random.below(len(words) / n)
		dst = append(dst, words[at*n:at*n+n]...)
		left -= n
	}
	if len(old) == letters { // all ASCII, or bytes
		// A capital differs from its small letter by one bit.
		made := dst[begin:]
		for len(old) >= 8 {
			binary.LittleEndian.PutUint64(made, binary.LittleEndian.Uint64(made)^capitals(binary.LittleEndian.Uint64(old)))
			old, made = old[8:], made[8:]
		}
		for i, c := range old {
			if asciiClass[c] == upper {
				made[i] ^= 0x20
			}
		}
		return dst
	}
	for i, j := begin, 0; i < len(dst); i++ {
		r, size := utf8.DecodeRune(old[j:])
		if unicode.IsUpper(r) {
			dst[i] ^= 0x20
		}
		j += size
	}
	return dst
}

// capitals has bit 5 of each byte that is a letter without it.
func capitals(word uint64) uint64 {
	const ones = 0x0101010101010101
	return ^word & (word >> 1) & (0x20 * ones) & (^word >> 2)
}
