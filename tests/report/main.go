// Command report makes the output of `go test -json`, on its standard input, readable: a line for each package, the
// output of failed tests, the names of skipped ones, the slowest tests, and finally "N passed, N failed". It fails if a test failed or if
// there was none.
//
// With -tap it reads the Test Anything Protocol, as bats writes it, passes it on and counts the results.
//
// With -failures FILE it also appends the end of what each failed test said to that file, for those who read a log from its end.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of `go test -json`; `go doc test2json` describes it.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // seconds
}

func main() {
	tap := flag.Bool("tap", false, "read the Test Anything Protocol")
	file := flag.String("failures", "", "the `file` for what failed tests said")
	flag.Parse()
	r := report{out: os.Stdout, output: map[string][]string{}, failedTests: map[string]bool{}}
	read := r.read
	if *tap {
		read = r.readTAP
	}
	err := read(os.Stdin)
	r.printSlowest(r.out)
	fmt.Fprintf(r.out, "%d passed, %d failed\n", r.passed, r.failed)
	if *file != "" {
		err = errors.Join(err, r.appendFailures(*file))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	if r.failed > 0 || r.passed == 0 {
		os.Exit(1)
	}
}

// report collects the results of tests. A test's key is "package test", a package's is its path.
type report struct {
	out            io.Writer
	passed, failed int
	output         map[string][]string
	failedTests    map[string]bool // packages in which a test failed
	durations      []duration
	failures       []failure
}

func (r *report) read(input io.Reader) error {
	lines := bufio.NewReader(input)
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, "{") {
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				return fmt.Errorf("%w in %q", err, line)
			}
			r.take(e)
		} else {
			fmt.Fprint(r.out, line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	name := strings.TrimSpace(e.Package + " " + e.Test)
	switch e.Action {
	case "output":
		r.output[name] = append(r.output[name], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass":
		if e.Test != "" {
			r.durations = append(r.durations, duration{name, e.Elapsed})
			r.passed++
			delete(r.output, name)
			return
		}
		r.closing(name)
	case "skip":
		if e.Test != "" {
			fmt.Fprintf(r.out, "skipped: %s\n", name)
			delete(r.output, name)
			return
		}
		r.closing(name)
	case "fail":
		r.fail(e, name)
	}
}

func (r *report) fail(e event, name string) {
	if e.Test != "" {
		r.failed++
		r.failedTests[e.Package] = true
		r.print(name)
		return
	}
	// A package can fail without a failed test: it does not compile, it crashed, or it timed out. That counts as one failure,
	// and the rest of the output explains it.
	if !r.failedTests[e.Package] {
		r.failed++
		for other := range r.output {
			if strings.HasPrefix(other, e.Package+" ") {
				r.print(other)
			}
		}
	}
	r.print(name)
}

// print prints the output of a test or package, without go test's own "=== RUN" lines.
func (r *report) print(name string) {
	f := failure{name: name}
	for _, line := range r.output[name] {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(r.out, line)
			f.lines = append(f.lines, line)
		}
	}
	r.failures = append(r.failures, f)
	delete(r.output, name)
}

// closing prints a package's last line: "ok  path  1.2s" or "?  path  [no test files]".
func (r *report) closing(name string) {
	for _, line := range r.output[name] {
		if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") || strings.HasPrefix(line, "ok\t") || strings.HasPrefix(line, "?\t") {
			fmt.Fprint(r.out, line)
		}
	}
	delete(r.output, name)
}
