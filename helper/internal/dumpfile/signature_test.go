package dumpfile

import (
	"bytes"
	"crypto/ed25519"
	"testing"
)

type testSigner struct{ ed25519.PrivateKey }

func (testSigner) Name() string { return "0123456789abcdef" }

func (s testSigner) Sign(message []byte) []byte { return ed25519.Sign(s.PrivateKey, message) }

type testVerifier ed25519.PublicKey

func (v testVerifier) Verify(message, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(v), message, signature)
}

func TestSignature(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	stranger, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	for _, c := range []Compression{Zstd, Gzip} {
		for _, signed := range []bool{true, false} {
			var object output
			w, err := NewWriter(t.Context(), &object, c, 0, 1)
			must(t, err)
			if signed {
				w.SignWith(testSigner{private})
			}
			_, err = w.Write([]byte("SELECT 1;\n"))
			must(t, err)
			must(t, w.Close(Index{Project: `,"signature":{"key":"0123456789abcdef"`}))
			idx, err := ReadIndex(bytes.NewReader(object.Bytes()), int64(object.Len()), c)
			must(t, err)
			if idx.IsSignedBy(testVerifier(public)) != signed || idx.IsSignedBy(testVerifier(stranger)) || (idx.Signature != nil) != signed {
				t.Errorf("%s, signed %v: %+v", c, signed, idx.Signature)
			}
			if signed && idx.Signature.Key != "0123456789abcdef" {
				t.Errorf("signed by %s", idx.Signature.Key)
			}
		}
	}
}

// Nothing may be changed in a signed index, and nothing added to it.
func TestSignatureHoldsForAll(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	idx := Index{Format: formatVersion, Compression: Zstd, Project: "shop", Tables: []Table{{Name: "a", Rows: 1}}, Chunks: []Chunk{}}
	block, err := idx.encode(testSigner{private})
	must(t, err)
	read := func(text []byte) *Index {
		idx := &Index{}
		idx.findSignature(text)
		return idx
	}
	text := block[indexHeader:]
	if !read(text).IsSignedBy(testVerifier(public)) {
		t.Fatalf("%s is not signed", text)
	}
	name := bytes.Index(text, []byte(`"key":"`)) + len(`"key":"`) // it only says which key to try
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		if read(changed).IsSignedBy(testVerifier(public)) && (i < name || i >= name+16) {
			t.Errorf("byte %d of %s changed", i, text)
		}
	}
	for name, other := range map[string]string{
		"a field behind":  `,"project":"blog"}`,
		"two signatures":  string(text[bytes.LastIndexByte(text, ','):]),
		"another bracket": "}}",
	} {
		if read(append(bytes.Clone(text[:len(text)-1]), other...)).IsSignedBy(testVerifier(public)) {
			t.Errorf("%s: still signed", name)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
