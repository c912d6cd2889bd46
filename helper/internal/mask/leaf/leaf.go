// Package leaf defines what the packages that rewrite structured values say about the values inside them.
package leaf

import "strconv"

// Leaf is a text or a number inside a structured value.
type Leaf struct {
	// Path has the keys that lead to it; the positions in lists are in decimal digits. It is valid until the next leaf.
	Path [][]byte
	// Text is the text without escapes, or the number as it is written.
	Text   []byte
	Number bool
}

// Verdict says what becomes of a leaf.
type Verdict uint8

// The verdicts.
const (
	Keep    Verdict = iota // it stays as it is, to the byte
	Replace                // the text that was appended replaces it
	Null                   // null replaces it
)

// Replacer decides on a leaf, and appends what replaces it to dst.
type Replacer func(dst []byte, leaf Leaf) ([]byte, Verdict)

// DeepestPath is how many structures a value may have in one another.
const DeepestPath = 500

// indexes are the keys of the first elements of lists.
var indexes = func() (texts [256][]byte) {
	for i := range texts {
		texts[i] = strconv.AppendInt(nil, int64(i), 10)
	}
	return texts
}()

// Index is the key of an element of a list.
func Index(i int) []byte {
	if i < len(indexes) {
		return indexes[i]
	}
	return strconv.AppendInt(nil, int64(i), 10)
}
