package ui

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Board shows several long actions at once. On a terminal it is a table at the end of what was said, with a bar for each
// and one line for the rest; elsewhere each says where it stands now and then, in plain lines.
type Board struct {
	out *Output
	// width is that of the terminal, in characters.
	width func() int

	mutex  sync.Mutex
	lanes  []*Lane
	status string
	drawn  int // lines of the table that are on the terminal
	stop   chan struct{}
	ended  sync.WaitGroup
}

// Lane is one of a board's actions.
type Lane struct {
	board *Board
	name  string
	phase *phase
}

// mostLanes are shown: a table that is higher than the terminal could not be drawn over.
const mostLanes = 15

// redrawEvery is the time between two pictures of the table.
const redrawEvery = 200 * time.Millisecond

// Board begins a board, which must be closed.
func (o *Output) Board() *Board {
	b := &Board{out: o, width: terminalWidth, stop: make(chan struct{})}
	if o.Terminal && !o.Quiet {
		b.ended.Go(b.redraw)
	}
	return b
}

func terminalWidth() int {
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width < 20 {
		return 80
	}
	return width
}

// Close takes the table away; what was said stays.
func (b *Board) Close() {
	close(b.stop)
	b.ended.Wait()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.clear()
}

// Say says one line.
func (b *Board) Say(line string) {
	if b.out.Quiet {
		return
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.clear()
	fmt.Fprintln(b.out.Stderr, line)
	b.draw()
}

// Status changes the line for the rest.
func (b *Board) Status(line string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.status = line
}

// Lane adds an action.
func (b *Board) Lane(name string) *Lane {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	lane := &Lane{board: b, name: name}
	b.lanes = append(b.lanes, lane)
	return lane
}

// Close takes the action off the board.
func (l *Lane) Close() {
	l.board.mutex.Lock()
	defer l.board.mutex.Unlock()
	var rest []*Lane
	for _, other := range l.board.lanes {
		if other != l {
			rest = append(rest, other)
		}
	}
	l.board.lanes = rest
}

// Phase begins the next stretch of the action; see Output.Phase.
func (l *Lane) Phase(name string, total int64) {
	l.board.mutex.Lock()
	defer l.board.mutex.Unlock()
	now := time.Now()
	l.phase = &phase{name: l.name + ": " + name, total: total, began: now, lastLine: now}
	if l.board.out.Terminal && total > 0 {
		l.phase.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(io.Discard), // it is drawn as a line of the table
			progressbar.OptionSetWidth(20),
			progressbar.OptionSetSpinnerChangeInterval(0),
			progressbar.OptionShowBytes(true),
			progressbar.OptionShowCount(),
			progressbar.OptionUseIECUnits(false),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
		)
	}
}

// Advance says that n more bytes of the stretch are done.
func (l *Lane) Advance(n int64) {
	b := l.board
	b.mutex.Lock()
	defer b.mutex.Unlock()
	p := l.phase
	if p == nil {
		return
	}
	p.done += n
	if p.bar != nil {
		if p.done >= p.total { // the total was a guess; see Output.Advance
			p.total = p.done + p.done/50 + 1
			p.bar.ChangeMax64(p.total)
		}
		_ = p.bar.Set64(p.done)
	}
	if now := time.Now(); !b.out.Terminal && !b.out.Quiet && now.Sub(p.lastLine) >= b.out.PlainEvery {
		p.lastLine = now
		fmt.Fprintln(b.out.Stderr, p.line(now))
	}
}

// Note says one line of the action.
func (l *Lane) Note(line string) { l.board.Say(l.name + ": " + line) }

// line is what the table shows of the action.
func (l *Lane) line(now time.Time) string {
	switch p := l.phase; {
	case p == nil:
		return l.name
	case p.bar != nil:
		return p.name + " " + strings.Trim(p.bar.String(), "\r\n ")
	case p.done > 0:
		return p.line(now)
	default:
		return p.name
	}
}

func (b *Board) redraw() {
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			b.mutex.Lock()
			b.clear()
			b.draw()
			b.mutex.Unlock()
		case <-b.stop:
			return
		}
	}
}

// clear takes the table off the terminal, and leaves the cursor where it began.
func (b *Board) clear() {
	if b.drawn > 0 {
		fmt.Fprintf(b.out.Stderr, "\x1b[%dA\r\x1b[J", b.drawn)
		b.drawn = 0
	}
}

func (b *Board) draw() {
	if !b.out.Terminal || b.out.Quiet {
		return
	}
	width, now := b.width(), time.Now()
	lines := make([]string, 0, len(b.lanes)+1)
	for _, lane := range b.lanes[:min(len(b.lanes), mostLanes)] {
		lines = append(lines, lane.line(now))
	}
	if more := len(b.lanes) - mostLanes; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	if b.status != "" {
		lines = append(lines, b.status)
	}
	var picture strings.Builder
	for _, line := range lines {
		// A line that wraps would take two, and the next picture would not cover it.
		if runes := []rune(line); len(runes) >= width {
			line = string(runes[:width-1])
		}
		picture.WriteString(line + "\n")
	}
	b.drawn = len(lines)
	fmt.Fprint(b.out.Stderr, picture.String())
}
