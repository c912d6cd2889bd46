package ui

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Board shows several long actions at once. On a terminal they are a table below everything that was printed, with a line for each
// and one for the rest; elsewhere each prints a line now and then.
type Board struct {
	out *Output

	mutex  sync.Mutex
	lanes  []*Lane
	status string
}

// Lane is one of a board's actions.
type Lane struct {
	board *Board
	name  string
	phase *phase
}

// mostLanes is how many lanes are shown; fewer on a low terminal, since lines that have left it cannot be drawn over.
const mostLanes = 15

// Board begins a board, which must be closed.
func (o *Output) Board() *Board {
	b := &Board{out: o}
	if o.Terminal && !o.Quiet {
		o.screen.show(b.picture)
	}
	return b
}

// Close removes the table; what was printed stays.
func (b *Board) Close() { b.out.screen.show(nil) }

// Say prints one line.
func (b *Board) Say(line string) { b.out.Note(line) }

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
	lane := &Lane{board: b, name: name, phase: newPhase(name, 0)}
	b.lanes = append(b.lanes, lane)
	return lane
}

// Close removes the action from the board.
func (l *Lane) Close() {
	l.board.mutex.Lock()
	defer l.board.mutex.Unlock()
	l.board.lanes = slices.DeleteFunc(l.board.lanes, func(other *Lane) bool { return other == l })
}

// Phase begins the next phase of the action; see Output.Phase.
func (l *Lane) Phase(name string, total int64) {
	l.board.mutex.Lock()
	defer l.board.mutex.Unlock()
	if name == "" {
		l.phase = newPhase(l.name, 0)
	} else {
		l.phase = newPhase(l.name+": "+name, total)
	}
}

// Advance says that n more bytes of the phase are done.
func (l *Lane) Advance(n int64) {
	l.board.mutex.Lock()
	p := l.phase
	l.board.mutex.Unlock()
	p.advance(n)
	if out := l.board.out; !out.Terminal && !out.Quiet {
		if line := p.lineEvery(out.PlainEvery); line != "" {
			out.screen.print(line + "\n")
		}
	}
}

// Note prints one line of the action.
func (l *Lane) Note(line string) { l.board.Say(l.name + ": " + line) }

// picture is the table.
func (b *Board) picture(width, height int) []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := time.Now()
	shown := min(len(b.lanes), mostLanes, max(0, height-2)) // two lines are for what is not shown, and for the status
	var lines []string
	for _, lane := range b.lanes[:shown] {
		lines = append(lines, lane.phase.bar(width, now))
	}
	if more := len(b.lanes) - shown; more > 0 {
		lines = append(lines, fit(fmt.Sprintf("and %d more", more), width))
	}
	if b.status != "" {
		lines = append(lines, fit(b.status, width))
	}
	return lines
}
