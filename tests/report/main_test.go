package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for _, test := range []struct {
		name, input, want string
		passed, failed    int
	}{
		{"nothing", "", "", 0, 0},
		{
			"passed tests are silent",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
			{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
			{"Action":"pass","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Output":"PASS\n"}
			{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
			{"Action":"pass","Package":"p"}`,
			"ok  \tp\t0.1s\n", 1, 0,
		},
		{
			"failed tests show what they said",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
			{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: reason\n"}
			{"Action":"fail","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
			{"Action":"fail","Package":"p"}`,
			"    a_test.go:1: reason\nFAIL\tp\t0.1s\n", 0, 1,
		},
		{
			"a package that does not compile is a failure",
			`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:1: undefined: x\n"}
			{"ImportPath":"p [p.test]","Action":"build-fail"}
			{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
			{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			"p/a.go:1: undefined: x\nFAIL\tp [build failed]\n", 0, 1,
		},
		{
			"a crash is a failure and shows where it was",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}
			{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
			{"Action":"fail","Package":"p"}`,
			"panic: boom\nFAIL\tp\t0.1s\n", 0, 1,
		},
		{
			"skipped tests are named and not counted",
			`{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
			{"Action":"skip","Package":"p","Test":"TestA"}
			{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
			{"Action":"pass","Package":"p"}`,
			"skipped: p TestA\nok  \tp\t0.1s\n", 0, 0,
		},
		{"other lines are passed on", "go: no such module\n", "go: no such module\n", 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			r := report{out: &out, output: map[string][]string{}, failedTests: map[string]bool{}}
			if err := r.read(strings.NewReader(strings.ReplaceAll(test.input, "\t\t\t{", "{"))); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want || r.passed != test.passed || r.failed != test.failed {
				t.Errorf("%d passed, %d failed, and it prints\n%s", r.passed, r.failed, out.String())
			}
		})
	}
}

func TestSlowest(t *testing.T) {
	r := report{durations: []duration{{"p TestQuick", 0.9}, {"p TestSlow", 1.26}, {"p TestSlowest", 80}}}
	var out strings.Builder
	if r.printSlowest(&out); out.String() != "slowest tests:\n  80.0s  p TestSlowest\n   1.3s  p TestSlow\n" {
		t.Errorf("it prints\n%s", out.String())
	}
}

func TestTAP(t *testing.T) {
	for _, test := range []struct {
		name, input    string
		passed, failed int
	}{
		{"nothing", "", 0, 0},
		{"all well", "1..2\nok 1 install\nok 2 remove\n", 2, 0},
		{"one failed", "1..2\nnot ok 1 install\n# (in test file)\nok 2 remove\n", 1, 1},
		{"the runner broke off", "1..3\nok 1 install\n", 1, 1},
		{"several plans", "1..1\nok 1 a\n1..1\nok 1 b\n", 2, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			r := report{out: &out}
			if err := r.readTAP(strings.NewReader(test.input)); err != nil {
				t.Fatal(err)
			}
			if r.passed != test.passed || r.failed != test.failed {
				t.Errorf("%d passed, %d failed; want %d and %d", r.passed, r.failed, test.passed, test.failed)
			}
			if out.String() != test.input {
				t.Errorf("the output is %q, not as it came", out.String())
			}
		})
	}
}

func TestFailures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failures")
	long := strings.Repeat("# progress\n", failureLines)
	tap := report{out: io.Discard}
	if err := tap.readTAP(strings.NewReader("1..3\n# begin\nnot ok 1 install\n# first\n" + long + "ok 2 remove\n# end\nnot ok 3 start\n")); err != nil {
		t.Fatal(err)
	}
	tests := report{out: io.Discard, output: map[string][]string{}, failedTests: map[string]bool{}}
	err := tests.read(strings.NewReader(`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: reason\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
`))
	if err != nil {
		t.Fatal(err)
	}
	well := report{passed: 1}
	if err := errors.Join(tap.appendFailures(path), tests.appendFailures(path), well.appendFailures(path)); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "failed: not ok 1 install\n" + long + "failed: not ok 3 start\n1 passed, 2 failed\n" +
		"failed: p TestA\n    a_test.go:1: reason\n1 passed, 1 failed\n"
	if string(content) != want {
		t.Errorf("the file has\n%s", content)
	}
}
