package ui

import (
	"strings"
	"testing"
)

func TestBoardOffATerminalIsPlainLines(t *testing.T) {
	output, stdout, stderr := off(Options{PlainEvery: 0})
	board := output.Board()
	lane := board.Lane("shop")
	lane.Phase("dumping", 4_000_000)
	lane.Advance(1_000_000)
	lane.Note("a note")
	lane.Close()
	board.Status("1 running")
	board.Say("shop: published")
	board.Close()
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "shop: dumping: 1.0 MB of about 4.0 MB, ") || lines[1] != "shop: a note" || lines[2] != "shop: published" {
		t.Errorf("got %q", lines)
	}
	if stdout.Len() > 0 || strings.ContainsAny(stderr.String(), "\r\x1b") {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
}
