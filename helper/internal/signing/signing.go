// Package signing has the keys with which dumps are signed, and those by which a signature is checked: Ed25519, RFC 8032.
package signing

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// nameBytes is how much of a public key's SHA-256 names it.
const nameBytes = 8

// Key signs dumps. The zero value signs nothing.
type Key struct{ private ed25519.PrivateKey }

var (
	errPrivate = errors.New("must be a private Ed25519 key: PEM, or its DER in base64 on one line")
	errPublic  = errors.New("must be public Ed25519 keys with commas between them: PEM, or their DER in base64 on one line each")
)

// ParseKey reads a private key in PKCS #8 (RFC 8410), as `openssl genpkey -algorithm ed25519` writes it: as PEM, or as DER in base64. The
// error does not repeat the text.
func ParseKey(text secret.String) (Key, error) {
	der, err := decode(text.Reveal(), "PRIVATE KEY")
	if err != nil {
		return Key{}, errPrivate
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	private, is := parsed.(ed25519.PrivateKey)
	if err != nil || !is {
		return Key{}, errPrivate
	}
	return Key{private}, nil
}

// IsSet reports whether there is a key.
func (k Key) IsSet() bool { return len(k.private) > 0 }

// Name names the public half of the key, as PublicKey.Name does; "" without a key.
func (k Key) Name() string {
	if !k.IsSet() {
		return ""
	}
	return k.Public().Name()
}

// Public returns the key that checks what this one has signed; nil without a key.
func (k Key) Public() PublicKey {
	if !k.IsSet() {
		return nil
	}
	return PublicKey(k.private.Public().(ed25519.PublicKey))
}

// Sign returns the signature of a message.
func (k Key) Sign(message []byte) []byte { return ed25519.Sign(k.private, message) }

// Format prints no key.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// PublicKey checks signatures.
type PublicKey ed25519.PublicKey

// ParsePublicKeys reads public keys in SubjectPublicKeyInfo (RFC 8410), as `openssl pkey -pubout` writes them, with commas between them: as
// PEM, or as DER in base64.
func ParsePublicKeys(text string) (keys []PublicKey, err error) {
	for _, one := range strings.Split(text, ",") {
		der, err := decode(one, "PUBLIC KEY")
		if err != nil {
			return nil, errPublic
		}
		parsed, err := x509.ParsePKIXPublicKey(der)
		public, is := parsed.(ed25519.PublicKey)
		if err != nil || !is {
			return nil, errPublic
		}
		keys = append(keys, PublicKey(public))
	}
	return keys, nil
}

// Name is the beginning of the SHA-256 of the key, in hexadecimal.
func (k PublicKey) Name() string {
	sum := sha256.Sum256(k)
	return hex.EncodeToString(sum[:nameBytes])
}

// Verify reports whether a signature is this key's for a message.
func (k PublicKey) Verify(message, signature []byte) bool {
	return len(k) == ed25519.PublicKeySize && ed25519.Verify(ed25519.PublicKey(k), message, signature)
}

// decode returns the DER of a key.
func decode(text, kind string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if block, rest := pem.Decode([]byte(text)); block != nil {
		if block.Type != kind || len(strings.TrimSpace(string(rest))) > 0 {
			return nil, errors.New("another kind of PEM")
		}
		return block.Bytes, nil
	}
	return base64.StdEncoding.DecodeString(text)
}
