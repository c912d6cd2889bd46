// Package version compares versions of servers and programs.
package version

import (
	"fmt"
	"regexp"
	"strconv"
)

// Version is a program's or server's version, for comparisons.
type Version struct{ Major, Minor, Patch int }

var pattern = regexp.MustCompile(`(\d+)(?:\.(\d+))?(?:\.(\d+))?`)

// replicationPrefix is what MariaDB says before its version when a client connects, so that old replicas accept it. Some
// proxies say it, too.
var replicationPrefix = regexp.MustCompile(`^5\.5\.5-(\d)`)

// Parse reads the first version in a text; ok is false if there is none.
func Parse(text string) (v Version, ok bool) {
	found := pattern.FindStringSubmatch(replicationPrefix.ReplaceAllString(text, "$1"))
	if found == nil {
		return Version{}, false
	}
	v.Major, _ = strconv.Atoi(found[1])
	v.Minor, _ = strconv.Atoi(found[2])
	v.Patch, _ = strconv.Atoi(found[3])
	return v, true
}

// Series returns the first two parts, as in "11.8".
func (v Version) Series() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

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
