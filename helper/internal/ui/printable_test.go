package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
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

// Nobody reads in Go's words why a wait has ended, wherever the error comes from.
func TestContextsEndInPlainWords(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	<-late.Done()
	_, dial := (&net.Dialer{}).DialContext(ended, "tcp", "127.0.0.1:1")
	for want, err := range map[string]error{
		"load the dump: interrupted": fmt.Errorf("load the dump: %w", ended.Err()), "list: no answer in time": fmt.Errorf("list: %w", late.Err()),
		"dial tcp 127.0.0.1:1: interrupted": dial,
	} {
		output, stdout, stderr := off(Options{})
		output.Fail(err, "")
		output.Note(err.Error())
		output.Print("%v\n%s", err, Table([][]string{{"PROBLEM"}, {err.Error()}}))
		if got, want := stderr.String(), "error: "+want+"\n"+want+"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := stdout.String(), want+"\nPROBLEM\n"+want+"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

type errorOf string

func (e errorOf) Error() string { return string(e) }
