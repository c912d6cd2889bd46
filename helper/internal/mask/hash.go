package mask

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
)

// Hashes are written in 26 characters of five bits, as far as there is room for them. Distinct values are then distinct but for a chance of
// n²/2^131 for n values: for a thousand million values, less than one in 10^21. A unique key asks for 16 characters, 80 bits: with a
// million values, one refresh in 10^12 would meet two that are alike; with a thousand million, one in 10^6. The dump then fails to load,
// it does not lose a row. The characters are ASCII letters of lower case and digits, which all collations tell apart.
const (
	hashLetters       = 26
	leastUniqueHash   = 16
	leastHash         = 4
	hashAlphabetNames = "abcdefghijklmnopqrstuvwxyz234567"
)

var hashAlphabet = base32.NewEncoding(hashAlphabetNames).WithPadding(base32.NoPadding)

// hashRoom is how many characters of a hash fit, besides others.
func hashRoom(name string, column Column, others int) (int, error) {
	room := column.room(hashLetters+others) - others
	if column.Unique && column.UniquePrefix > 0 {
		if column.UniquePrefix < leastUniqueHash {
			return 0, fmt.Errorf("%s needs %d characters for distinct values, and a unique key has only %d of the column", name, leastUniqueHash, column.UniquePrefix)
		}
	}
	least := leastHash
	if column.Unique {
		least = leastUniqueHash
	}
	if room < least {
		return 0, fmt.Errorf("%s needs %d characters, and the column has %d", name, least+others, column.room(hashLetters+others))
	}
	return room, nil
}

// appendHash appends n characters of a hash.
func appendHash(dst, sum []byte, n int) []byte {
	begin := len(dst)
	dst = hashAlphabet.AppendEncode(dst, sum[:20])
	return dst[:begin+n]
}

// hashed replaces values with their hash.
type hashed struct {
	*hasher
	kind   Kind
	length int
}

func newHash(key Key, column Column) (Masker, error) {
	m := &hashed{hasher: key.hasher("hash", column.Folded), kind: column.Kind}
	switch column.Kind {
	case Text:
		var err error
		if m.length, err = hashRoom("hash", column, 0); err != nil {
			return nil, err
		}
		return m, nil
	case Binary:
		if m.length = column.room(16); column.Unique && m.length < 10 {
			return nil, fmt.Errorf("hash needs 10 bytes for distinct values, and the column has %d", m.length)
		}
		return m, nil
	case UUID:
		return m, nil
	case Integer, Decimal:
		return nil, fmt.Errorf("hash cannot mask a number: use digits")
	}
	return nil, fmt.Errorf("hash cannot mask a column of this type")
}

func (m *hashed) Mask(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	sum := m.hash(value)
	switch m.kind {
	case Binary:
		return append(dst, sum[:m.length]...), false
	case UUID:
		return appendUUID(dst, sum), false
	}
	return appendHash(dst, sum, m.length), false
}

// appendUUID appends a UUID of version 8, which is for values that programs make up (RFC 9562).
func appendUUID(dst, sum []byte) []byte {
	sum[6] = sum[6]&0x0F | 0x80
	sum[8] = sum[8]&0x3F | 0x80
	for i, from := range []int{0, 4, 6, 8, 10} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, sum[from:[]int{4, 6, 8, 10, 16}[i]])
	}
	return dst
}
