package main

import (
	"errors"
	"fmt"
	"os"
)

// failureLines is how many lines of a failed test are kept: the last ones say why.
const failureLines = 30

// failure is what a failed test said.
type failure struct {
	name  string
	lines []string // with their line ends
}

// appendFailures appends the failures to a file. It writes nothing if there were none.
func (r *report) appendFailures(path string) (err error) {
	if r.failed == 0 {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for _, f := range r.failures {
		fmt.Fprintf(file, "failed: %s\n", f.name)
		for _, line := range f.lines[max(0, len(f.lines)-failureLines):] {
			fmt.Fprint(file, line)
		}
	}
	_, err = fmt.Fprintf(file, "%d passed, %d failed\n", r.passed, r.failed)
	return err
}
