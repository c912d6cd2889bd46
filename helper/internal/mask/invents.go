package mask

import (
	"bytes"
	"unicode"
)

// invented are all names and words that maskers write, in lower case.
var invented = func() map[string]bool {
	all := map[string]bool{}
	add := func(word string) { all[string(fold(nil, []byte(word)))] = true }
	for _, list := range nameLists {
		for _, names := range [][]string{list.first, list.last} {
			for i, ascii := range transliterated(names) {
				add(names[i])
				add(ascii)
			}
		}
	}
	for length, words := range wordsOf {
		for ; length > 0 && len(words) >= length; words = words[length:] {
			add(words[:length])
		}
	}
	return all
}()

// Invents says whether all words of a text are among those that maskers write, so that it may have been made of any other one.
func Invents(text []byte) bool {
	words := bytes.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, word := range words {
		if !invented[string(fold(nil, word))] {
			return false
		}
	}
	return len(words) > 0 && !bytes.ContainsAny(text, "0123456789@")
}
