package bucket

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Others counts the dumps of other projects in a project's folder, by the project's name. One of them may be this project's former
// name.
type Others map[string]int

// projectName matches the names that DDEV accepts. No other text from a key is put into a command that users may run.
var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// add counts a dump by the last part of its key.
func (o Others) add(base string) {
	if m := anyProject.FindStringSubmatch(base); m != nil && projectName.MatchString(m[1]) {
		o[m[1]]++
	}
}

// Names returns the projects' names, the one with the most dumps first.
func (o Others) Names() []string {
	return slices.SortedFunc(maps.Keys(o), func(x, y string) int { return cmp.Or(cmp.Compare(o[y], o[x]), strings.Compare(x, y)) })
}

// String is "12 dumps of acme.shop are here", or empty.
func (o Others) String() string {
	names := o.Names()
	if len(names) == 0 {
		return ""
	}
	dumps, verb := "dumps", "are"
	if o[names[0]] == 1 {
		dumps = "dump"
	}
	text := fmt.Sprintf("%d %s of %s", o[names[0]], dumps, names[0])
	switch more := len(names) - 1; {
	case more > 1:
		text += fmt.Sprintf(" and those of %d other projects", more)
	case more == 1:
		text += fmt.Sprintf(" and %d of %s", o[names[1]], names[1])
	case dumps == "dump":
		verb = "is"
	}
	return text + " " + verb + " here"
}
