package mask

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"unicode"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Version numbers what maskers make of values. It changes whenever the same value and key give something else.
const Version = 1

// Key is the secret behind all masked values.
//
// HMAC-SHA-256 (RFC 2104) of the user's secret gives a key, and HMAC-SHA-256 under that key and a label gives each masker a key of its own
// (as in NIST SP 800-108). HMAC of a value under a masker's key is then what everything about the masked value is drawn from. HMAC
// and not a plain hash, because mail addresses and names can be guessed: without the key, nobody can try out guesses. SHA-256, because
// processors compute it in hardware, and because the hash is in the standard library. Labels name maskers, not columns, so that joins work.
type Key struct{ root [sha256.Size]byte }

// NewKey makes a key of a secret of any length.
func NewKey(secret secret.String) Key {
	var k Key
	mac := hmac.New(sha256.New, []byte("dump-refresh mask"))
	mac.Write([]byte(secret.Reveal()))
	mac.Sum(k.root[:0])
	return k
}

// String keeps the key out of everything that is printed.
func (k Key) String() string { return "***" }

// GoString does the same for %#v.
func (k Key) GoString() string { return "***" }

// ID names the key without giving it away: 64 bits that depend on all of it.
func (k Key) ID() string {
	sum := k.derive("id")
	return hex.EncodeToString(sum[:8])
}

func (k Key) derive(label string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, k.root[:])
	mac.Write([]byte(label))
	mac.Sum(sum[:0])
	return sum
}

// hasher computes the keyed hash of values.
type hasher struct {
	mac    hash.Hash
	sum    [sha256.Size]byte
	folded bool
	lower  []byte
}

// hasher returns the hash of a masker. With folded, values that differ in case or in spaces at their ends hash to the same, as they are the
// same for the server.
func (k Key) hasher(label string, folded bool) *hasher {
	key := k.derive(label)
	return &hasher{mac: hmac.New(sha256.New, key[:]), folded: folded}
}

// hash returns the hash of a value, until the next one.
func (h *hasher) hash(value []byte) []byte {
	if h.folded {
		h.lower = fold(h.lower[:0], value)
		value = h.lower
	}
	h.mac.Reset()
	h.mac.Write(value)
	return h.mac.Sum(h.sum[:0])
}

// fold appends the value in lower case, without spaces at its end.
func fold(dst, value []byte) []byte {
	for len(value) > 0 && value[len(value)-1] == ' ' {
		value = value[:len(value)-1]
	}
	for i := 0; i < len(value); {
		c := value[i]
		switch {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
			i++
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRune(value[i:])
			if r == utf8.RuneError {
				dst = append(dst, value[i:i+size]...)
			} else {
				dst = utf8.AppendRune(dst, unicode.ToLower(unicode.ToUpper(r)))
			}
			i += size
		}
	}
	return dst
}

// block returns a block cipher with a key for one purpose.
func (k Key) block(label string) cipher.Block {
	key := k.derive(label)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the length of the key is right
	}
	return block
}
