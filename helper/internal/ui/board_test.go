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

// TestBoardDrawsATable draws by hand what the ticker draws, and looks at the last picture.
func TestBoardDrawsATable(t *testing.T) {
	output, _, stderr := off(Options{Terminal: true})
	board := &Board{out: output, width: func() int { return 60 }, stop: make(chan struct{})}
	shop, blog := board.Lane("shop"), board.Lane("blog")
	shop.Phase("dumping", 1000)
	shop.Advance(500)
	blog.Phase(strings.Repeat("a long phase ", 10), 0)
	board.Status("2 running, 3 waiting")
	board.Say("wiki: published")
	blog.Close()
	board.Say("blog: published")
	pictures := strings.Split(stderr.String(), "\x1b[3A\r\x1b[J")
	if len(pictures) != 2 {
		t.Fatalf("%d pictures: %q", len(pictures), stderr)
	}
	for i, want := range []int{4, 3} { // what is said, the lanes, the status
		lines := strings.Split(strings.TrimSuffix(pictures[i], "\n"), "\n")
		if len(lines) != want || lines[len(lines)-1] != "2 running, 3 waiting" || !strings.HasPrefix(lines[1], "shop: dumping") || !strings.Contains(lines[1], "50%") {
			t.Errorf("picture %d: %q", i, lines)
		}
		for _, line := range lines {
			if len([]rune(line)) > 59 {
				t.Errorf("picture %d: a line of %d characters", i, len([]rune(line)))
			}
		}
	}
	board.Close()
	if !strings.HasSuffix(stderr.String(), "\x1b[2A\r\x1b[J") {
		t.Errorf("the table stays: %q", stderr)
	}
}
