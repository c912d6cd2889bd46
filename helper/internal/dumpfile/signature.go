package dumpfile

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
)

// A signed index ends with the field signature. What is signed is the index without that field, after signedMark. The index has the
// SHA-256 of each chunk, so the signature holds for the whole dump.
const signedMark = "dump-refresh index 1\n"

// IndexSignature says who answers for a dump.
type IndexSignature struct {
	Key   string // the name of the public key
	Value []byte
}

// Signer signs a dump: *signing.Key.
type Signer interface {
	Name() string
	Sign(message []byte) []byte
}

// Verifying is a public key.
type Verifying interface {
	Verify(message, signature []byte) bool
}

// SignWith makes Close sign the dump. It comes before Close.
func (w *Writer) SignWith(signer Signer) { w.signer = signer }

// IsSignedBy reports whether the holder of a key has signed this index. It is false for an index that ReadIndex has not read.
func (idx *Index) IsSignedBy(key Verifying) bool {
	return idx.Signature != nil && key.Verify(slices.Concat([]byte(signedMark), idx.signed, []byte{'}'}), idx.Signature.Value)
}

// sign adds a signature to the index's JSON.
func sign(text []byte, signer Signer) []byte {
	value := signer.Sign(slices.Concat([]byte(signedMark), text))
	text = text[:len(text)-1] // without the brace
	return fmt.Appendf(text, `,"signature":{"key":%q,"value":%q}}`, signer.Name(), base64.StdEncoding.EncodeToString(value))
}

// signatureField matches a signature where sign puts it.
var signatureField = regexp.MustCompile(`^,"signature":\{"key":"([0-9a-f]{16})","value":"([A-Za-z0-9+/]{86}==)"\}\}$`)

// findSignature sets the signature that the index's JSON ends with, if there is one.
func (idx *Index) findSignature(text []byte) {
	at := bytes.LastIndex(text, []byte(`,"signature":`))
	if at < 0 {
		return
	}
	if found := signatureField.FindSubmatch(text[at:]); found != nil {
		if value, err := base64.StdEncoding.Strict().DecodeString(string(found[2])); err == nil {
			idx.Signature, idx.signed = &IndexSignature{Key: string(found[1]), Value: value}, bytes.Clone(text[:at])
		}
	}
}
