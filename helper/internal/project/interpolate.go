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

// variables are what a project's files can refer to.
type variables struct {
	env   map[string]string
	files []envFile
	// fleet means that the files of the project must not see what belongs to the machine.
	fleet bool
	// visible reports whether they may see a variable of the environment; nil is any, but none in a fleet.
	visible func(name string) bool
}

// interpolate sets the text of what a config file assigns.
func (v variables) interpolate(a *assigned) {
	a.text = interpolate(a.raw, func(name string) (string, bool) {
		text, set := v.env[name]
		switch {
		case set && v.mayBeSeen(name):
			return text, true
		case set:
			a.hidden = name
			return "", false
		}
		for _, file := range v.files {
			for _, found := range file.variables {
				switch {
				case found.name != name:
				case v.fleet && !found.from.repository:
					a.hidden = name
				default:
					text, set = found.text, true
				}
			}
		}
		return text, set
	})
}

func (v variables) mayBeSeen(name string) bool {
	if v.visible == nil {
		return !v.fleet
	}
	return v.visible(name)
}

// password looks up a variable that holds a password. by is where it was named.
func (v variables) password(name string, by origin) (text string, found bool) {
	if text, found = v.env[name]; found {
		return text, !by.repository || v.mayBeSeen(name)
	}
	for _, file := range v.files {
		for _, a := range file.variables {
			if a.name == name && (!v.fleet || !a.from.repository) {
				text, found = a.text, true
			}
		}
	}
	return text, found
}
