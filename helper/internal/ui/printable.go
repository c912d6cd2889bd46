package ui

import (
	"fmt"
	"strings"
	"unicode"
)

// Everything that is printed goes through this file: names, texts and messages come from servers and buckets, and may have been written to
// control the terminal.

// ofContexts are texts of Go's library about a wait that has ended, in its own terms, and what they mean to a user.
var ofContexts = strings.NewReplacer("context canceled", "interrupted", "context deadline exceeded", "no answer in time", "operation was canceled", "interrupted")

// printable replaces what would control a terminal, or change the order in which it shows characters. Line feeds and tabs stay.
func printable(text string) string {
	text = ofContexts.Replace(text)
	return strings.Map(func(r rune) rune {
		if controls(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// printableCell does the same for a text that must stay in its place in a table.
func printableCell(text string) string {
	return strings.NewReplacer("\n", string(unicode.ReplacementChar), "\t", string(unicode.ReplacementChar)).Replace(printable(text))
}

// printableJSON escapes the same characters where the encoder leaves them as they are.
func printableJSON(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return controls(r) && r != '\n' }) < 0 {
		return text
	}
	var escaped strings.Builder
	for _, r := range text {
		if controls(r) && r != '\n' {
			fmt.Fprintf(&escaped, `\u%04x`, r)
		} else {
			escaped.WriteRune(r)
		}
	}
	return escaped.String()
}

// controls reports whether a character is a control character of C0 or C1, or one that turns the direction of text.
func controls(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
