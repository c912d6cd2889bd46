package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// shown is how many of the slowest tests are listed.
const shown = 15

// duration is how long a test took, in seconds. A test includes the tests within it.
type duration struct {
	name    string
	seconds float64
}

// printSlowest lists the tests that took more than a second, the slowest ones first. Tests of a package run one after the other for the most
// part, so these are where time can be saved.
func (r *report) printSlowest(out io.Writer) {
	slow := slices.DeleteFunc(r.durations, func(d duration) bool { return d.seconds < 1 })
	slices.SortFunc(slow, func(a, b duration) int { return cmp.Compare(b.seconds, a.seconds) })
	for i, d := range slow[:min(shown, len(slow))] {
		if i == 0 {
			fmt.Fprintln(out, "slowest tests:")
		}
		fmt.Fprintf(out, "%6.1fs  %s\n", d.seconds, d.name)
	}
}
