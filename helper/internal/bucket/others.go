package bucket

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Others counts the dumps of other projects that lie in a project's folder, by the project's name. One of them may be
// what the project was called before.
type Others map[string]int

// projectName is what DDEV takes for a name. No other text of a key is repeated in an advice to run a command with it.
var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// add counts a dump by the last part of its key.
func (o Others) add(base string) {
	if m := anyProject.FindStringSubmatch(base); m != nil && projectName.MatchString(m[1]) {
		o[m[1]]++
	}
}

// Names are the projects, the one with the most dumps first.
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
