package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Fingerprint tells whether a text is the one that it was made of, but not what the text is. Two fingerprints of one text differ.
type Fingerprint string

// saltBytes makes fingerprints differ, so that nobody can look up many texts at once.
const saltBytes = 12

// NewFingerprint makes the fingerprint of a text; "" of none.
func NewFingerprint(text string) Fingerprint {
	if text == "" {
		return ""
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	return fingerprint(hex.EncodeToString(salt), text)
}

func fingerprint(salt, text string) Fingerprint {
	sum := hmac.New(sha256.New, []byte(salt))
	sum.Write([]byte(text))
	return Fingerprint(salt + "-" + hex.EncodeToString(sum.Sum(nil)[:16]))
}

// Differs reports whether it was made of another text. Where one of the two is not known, it does not.
func (f Fingerprint) Differs(text string) bool {
	if f == "" || text == "" {
		return false
	}
	salt, _, _ := strings.Cut(string(f), "-")
	return !hmac.Equal([]byte(fingerprint(salt, text)), []byte(f))
}
