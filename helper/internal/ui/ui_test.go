package ui

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{Bytes(0), "0 B"},
		{Bytes(999), "999 B"},
		{Bytes(1000), "1.0 kB"},
		{Bytes(9_949_000), "9.9 MB"},
		{Bytes(9_950_000), "10 MB"},
		{Bytes(999_600), "1.0 MB"},
		{Bytes(5_000_000_000_000), "5.0 TB"},
		{Duration(420 * time.Millisecond), "0.4s"},
		{Duration(59 * time.Second), "59s"},
		{Duration(3 * time.Minute), "3m"},
		{Duration(200 * time.Second), "3m20s"},
		{Duration(70 * time.Second), "1m10s"},
		{Duration(2 * time.Hour), "2h"},
		{Duration(5*time.Hour + 10*time.Minute), "5h10m"},
		{Duration(80 * time.Hour), "3 days"},
		{Count(1, "table"), "1 table"},
		{Count(0, "row"), "0 rows"},
		{Count(1234567, "row"), "1,234,567 rows"},
		{Table([][]string{{"KEY", "AGE"}, {"a.sql.zst", "3m"}}), "KEY        AGE\na.sql.zst  3m\n"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

// off gives an output without a terminal, and what it wrote.
func off(options Options) (*Output, *bytes.Buffer, *bytes.Buffer) {
	var stdout, stderr bytes.Buffer
	options.Stdout, options.Stderr = &stdout, &stderr
	return New(options), &stdout, &stderr
}

func TestProgressOffATerminalIsPlainLines(t *testing.T) {
	output, stdout, stderr := off(Options{PlainEvery: 0})
	output.Phase("dump", 4_000_000)
	output.Advance(1_000_000)
	output.Finish()
	output.Advance(5)
	if stdout.Len() > 0 || strings.ContainsAny(stderr.String(), "\r\x1b") {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if len(lines) != 2 || lines[0] != "dump" || !strings.HasPrefix(lines[1], "dump: 1.0 MB of about 4.0 MB, ") || !strings.HasSuffix(lines[1], " left") {
		t.Errorf("got %q", lines)
	}
}

func TestProgressOnATerminalGrowsWithTheDump(t *testing.T) {
	output, _, stderr := off(Options{Terminal: true})
	output.Phase("dump", 1000)
	output.Advance(900)
	output.Advance(5000)
	output.Note("one line")
	output.Finish()
	if !strings.Contains(stderr.String(), "dump") || !strings.Contains(stderr.String(), "one line\n") {
		t.Errorf("got %q", stderr)
	}
}

func TestQuietSaysErrorsOnly(t *testing.T) {
	output, _, stderr := off(Options{Quiet: true})
	output.Phase("dump", 10)
	output.Advance(10)
	output.Note("a note")
	output.Fail(errors.New("no bucket"), "set DUMP_S3_BUCKET")
	if want := "error: no bucket\nhint: set DUMP_S3_BUCKET\n"; stderr.String() != want {
		t.Errorf("got %q, want %q", stderr, want)
	}
}

func TestResultIsJSONOnlyWhereAsked(t *testing.T) {
	output, stdout, _ := off(Options{JSON: true})
	output.Print("for people\n")
	if err := output.Result(map[string]int{"rows": 3}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"rows\": 3\n}\n"; stdout.String() != want {
		t.Errorf("got %q, want %q", stdout, want)
	}
	output, stdout, _ = off(Options{})
	output.Print("for people\n")
	if err := output.Result(1); err != nil || stdout.String() != "for people\n" {
		t.Errorf("got %q, %v", stdout, err)
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false} {
		output, _, _ := off(Options{Interactive: true, Stdin: strings.NewReader(answer)})
		if got, err := output.Confirm(context.Background(), "replace it?"); err != nil || got != want {
			t.Errorf("%q: got %v, %v", answer, got, err)
		}
	}
	output, _, _ := off(Options{Stdin: strings.NewReader("y\n")})
	if _, err := output.Confirm(context.Background(), "replace it?"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("without a terminal: got %v", err)
	}
	interrupted, cancel := context.WithCancel(context.Background())
	cancel()
	output, _, _ = off(Options{Interactive: true, Stdin: blocked{}})
	if _, err := output.Confirm(interrupted, "replace it?"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %v", err)
	}
}

type blocked struct{}

func (blocked) Read([]byte) (int, error) { select {} }
