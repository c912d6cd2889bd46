package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// readTAP prints and counts the results of the Test Anything Protocol. If fewer tests than planned have a result, that
// counts as one failure: the runner stopped early.
func (r *report) readTAP(input io.Reader) error {
	planned, failed := 0, false
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 16<<20) // a failed test may print one very long line
	for lines.Scan() {
		line := lines.Text()
		fmt.Fprintln(r.out, line)
		if last := len(r.failures) - 1; strings.HasPrefix(line, "#") && failed {
			r.failures[last].lines = append(r.failures[last].lines, line+"\n")
		} else {
			failed = false
		}
		switch {
		case strings.HasPrefix(line, "ok "):
			r.passed++
		case strings.HasPrefix(line, "not ok "):
			r.failed++
			r.failures = append(r.failures, failure{name: line})
			failed = true
		case strings.HasPrefix(line, "1.."):
			count, err := strconv.Atoi(line[len("1.."):])
			if err != nil {
				return fmt.Errorf("plan %q: %w", line, err)
			}
			planned += count
		}
	}
	if r.passed+r.failed < planned {
		r.failed++
	}
	return lines.Err()
}
