package dumpfile

import (
	"crypto/sha256"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// TestContents compares the chunks of dumps.
func TestContents(t *testing.T) {
	chunk := func(text, table string, partial bool) Chunk {
		sum := Digest(sha256.Sum256([]byte(text)))
		return Chunk{RawSize: int64(len(text)), RawSHA256: &sum, Partial: partial, About: About{Section: dump.Rows, Table: table, Rows: 1}}
	}
	unknown := chunk("a", "t", false)
	unknown.RawSHA256 = nil
	first, second := chunk("a", "t", false), chunk("b", "t", false)
	for name, test := range map[string]struct {
		a, b []Chunk
		same bool
	}{
		"equal":             {[]Chunk{first, second}, []Chunk{first, second}, true},
		"in another order":  {[]Chunk{first, second}, []Chunk{second, first}, true},
		"once and twice":    {[]Chunk{first}, []Chunk{first, first}, false},
		"another text":      {[]Chunk{first}, []Chunk{second}, false},
		"another table":     {[]Chunk{first}, []Chunk{chunk("a", "u", false)}, false},
		"nobody knows":      {[]Chunk{unknown}, []Chunk{unknown}, false},
		"parts":             {[]Chunk{chunk("a", "t", true), second}, []Chunk{chunk("a", "t", true), second}, true},
		"parts exchanged":   {[]Chunk{chunk("a", "t", true), first, chunk("b", "t", true), second}, []Chunk{chunk("a", "t", true), second, chunk("b", "t", true), first}, false},
		"parts without end": {[]Chunk{chunk("a", "t", true)}, []Chunk{chunk("a", "t", true)}, false},
		"empty":             {nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			var a, b contents
			for _, chunk := range test.a {
				a.add(chunk)
			}
			for _, chunk := range test.b {
				b.add(chunk)
			}
			if got := a.same(&b); got != test.same {
				t.Errorf("the same: %t", got)
			}
		})
	}
}
