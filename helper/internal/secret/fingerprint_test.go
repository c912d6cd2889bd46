package secret

import (
	"strings"
	"testing"
)

func TestFingerprint(t *testing.T) {
	f, again := NewFingerprint("staging.example.com/shop"), NewFingerprint("staging.example.com/shop")
	if f.Differs("staging.example.com/shop") || !f.Differs("staging.example.com/blog") || f == again || strings.Contains(string(f), "staging") {
		t.Error(f, again)
	}
	// What is not known is no difference.
	if f.Differs("") || NewFingerprint("") != "" || Fingerprint("").Differs("x") {
		t.Error("the unknown differs")
	}
	if !Fingerprint("damaged").Differs("x") {
		t.Error("a damaged one fits")
	}
}
