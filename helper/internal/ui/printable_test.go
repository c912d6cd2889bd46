package ui

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever the output is for, nothing from outside controls the terminal.
func TestNothingFromOutsideControlsTheTerminal(t *testing.T) {
	const hostile = "a\x1b[31m\x1b]0;title\x07b\x9b2J\u009b2Jc\u202egpj.exe\u2066\x7f\rd"
	harmless := func(where, text string) {
		t.Helper()
		if strings.ContainsFunc(text, func(r rune) bool { return controls(r) && r != '\n' }) || strings.Contains(text, "\x9b") {
			t.Errorf("%s: %q", where, text)
		}
	}
	output, stdout, stderr := off(Options{})
	output.Print("%s of %s\n%s", hostile, hostile, Table([][]string{{"NAME", "ROWS"}, {hostile + "\nsecond\tline", "1"}}))
	harmless("Print", stdout.String())
	if lines := strings.Count(stdout.String(), "\n"); lines != 3 {
		t.Errorf("%d lines: %q", lines, stdout)
	}
	output.Note(hostile)
	output.Phase(hostile, 0)
	output.Fail(errorOf(hostile), hostile)
	harmless("the rest", stderr.String())

	output, stdout, _ = off(Options{JSON: true})
	if err := output.Result(map[string]string{"name": strings.ToValidUTF8(hostile, "")}); err != nil {
		t.Fatal(err)
	}
	harmless("Result", stdout.String())
	var read map[string]string
	if err := json.Unmarshal(stdout.Bytes(), &read); err != nil || read["name"] != strings.ToValidUTF8(hostile, "") {
		t.Errorf("%v: %q", err, read)
	}
}

type errorOf string

func (e errorOf) Error() string { return string(e) }
