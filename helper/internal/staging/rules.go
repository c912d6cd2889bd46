package staging

import (
	"regexp"
	"strings"
)

// names matches table names against a rule's patterns, in which * stands for any text and ? for any
// one character.
type names struct{ patterns []*regexp.Regexp }

func newNames(patterns []string) names {
	var n names
	for _, pattern := range patterns {
		text := regexp.QuoteMeta(pattern)
		text = strings.ReplaceAll(text, `\*`, `.*`)
		text = strings.ReplaceAll(text, `\?`, `.`)
		n.patterns = append(n.patterns, regexp.MustCompile(`(?s)^`+text+`$`))
	}
	return n
}

// match says whether one of the names, which all mean the same table, is meant by a pattern.
func (n names) match(of ...string) bool {
	for _, name := range of {
		for _, pattern := range n.patterns {
			if pattern.MatchString(name) {
				return true
			}
		}
	}
	return false
}
