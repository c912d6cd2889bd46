package mask

import (
	"slices"
	"strings"

	"github.com/brianvoe/gofakeit/v7/data"
)

// longestWord is the length of the longest words that are used whole.
const longestWord = 12

// wordsOf has, for each length, all words of that length without anything between them.
var wordsOf = func() (words [longestWord + 1]string) {
	short := [...]string{1: "aeoiu", 2: "aeexidinetutsiobutad", 3: "quasitestetaliciousutviasic"}
	all := slices.Concat(data.Lorem["word"], strings.Fields("lorem dolor sit amet elit sed nunc urna vivamus fermentum condimentum ullamcorper sollicitudin "+
		"consectetur adipiscing vestibulum suspendisse pellentesque sagittis tincidunt facilisis"))
	slices.Sort(all)
	var built [longestWord + 1]strings.Builder
	for _, word := range slices.Compact(all) {
		if n := len(word); n <= longestWord && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" {
			_, _ = built[n].WriteString(word)
		}
	}
	for n := range words {
		if words[n] = built[n].String(); n < len(short) {
			words[n] = short[n]
		}
	}
	return words
}()
