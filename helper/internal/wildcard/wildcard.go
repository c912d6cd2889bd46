// Package wildcard matches names against patterns as users write them for tables.
package wildcard

import (
	"slices"
	"strings"
)

// Match says whether a name is meant by a pattern, in which * stands for any text and ? for any one character. It takes time in
// proportion to the product of their lengths at most.
func Match(pattern, name string) bool { return match([]rune(pattern), []rune(name)) }

// MatchAny says whether one of the names, which all mean the same thing, is meant by one of the patterns.
func MatchAny(patterns []string, names ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return Match(pattern, name) })
	})
}

// match goes back to the last star where the text behind it turns out to be another.
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
