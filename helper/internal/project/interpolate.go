package project

import (
	"regexp"
	"strings"
)

// reference matches what Docker Compose replaces in a value of web_environment.
var reference = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)`)

// interpolate replaces $NAME, ${NAME}, ${NAME:-default} and ${NAME:+other} as Docker Compose does when DDEV starts a project. A
// variable that is not set is replaced with nothing, and $$ with a dollar sign.
func interpolate(text string, lookup func(name string) (string, bool)) string {
	return reference.ReplaceAllStringFunc(text, func(part string) string {
		if part == "$$" {
			return "$"
		}
		match := reference.FindStringSubmatch(part)
		value, set := lookup(match[1] + match[4])
		operator, word := match[2], match[3]
		if strings.HasPrefix(operator, ":") && value == "" {
			set = false
		}
		switch {
		case strings.HasSuffix(operator, "-") && !set:
			return word
		case strings.HasSuffix(operator, "+"):
			if set {
				return word
			}
			return ""
		}
		return value
	})
}
