// Package wildcard matches names against patterns as users write them for tables.
package wildcard

import (
	"slices"
	"strings"
)

// Match reports whether a name matches a pattern, in which * matches any text and ? any character. Its time is at most proportional
// to the product of their lengths.
func Match(pattern, name string) bool { return match([]rune(pattern), []rune(name)) }

// MatchAny reports whether one of several names for the same thing matches one of the patterns.
func MatchAny(patterns []string, names ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return Match(pattern, name) })
	})
}

// match goes back to the last star if the text after it does not match.
func match(pattern, name []rune) bool {
	star, behind, at := -1, 0, 0
	for i := 0; i < len(name); {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, behind = at, i
			at++
		case at < len(pattern) && (pattern[at] == '?' || pattern[at] == name[i]):
			at++
			i++
		case star >= 0:
			behind++
			at, i = star+1, behind
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[at:]), "*") == ""
}
