// Package version compares versions of servers and programs.
package version

import (
	"regexp"
	"strconv"
)

// Version is a program's or server's version, for comparisons.
type Version struct{ Major, Minor, Patch int }

var pattern = regexp.MustCompile(`(\d+)(?:\.(\d+))?(?:\.(\d+))?`)

// Parse reads the first version in a text; ok is false if there is none.
func Parse(text string) (v Version, ok bool) {
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		return Version{}, false
	}
	v.Major, _ = strconv.Atoi(found[1])
	v.Minor, _ = strconv.Atoi(found[2])
	v.Patch, _ = strconv.Atoi(found[3])
	return v, true
}

// Less reports whether a version is older than another.
func (v Version) Less(w Version) bool {
	if v.Major != w.Major {
		return v.Major < w.Major
	}
	if v.Minor != w.Minor {
		return v.Minor < w.Minor
	}
	return v.Patch < w.Patch
}
