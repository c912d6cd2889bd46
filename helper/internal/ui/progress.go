package ui

import (
	"fmt"
	"time"
)

// Phase begins the next phase of a long action, and ends the one before. Total is the number of bytes that are expected, 0 where
// nobody knows; it may be a guess.
func (o *Output) Phase(name string, total int64) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.phase = nil
	if o.Quiet || name == "" {
		o.screen.show(nil)
		return
	}
	o.phase = newPhase(name, total)
	if o.Terminal {
		o.screen.show(o.phase.picture)
	} else {
		o.screen.print(o.phase.name + "\n")
	}
}

// Advance says that n more bytes of the current phase are done.
func (o *Output) Advance(n int64) {
	o.mutex.Lock()
	p := o.phase
	o.mutex.Unlock()
	if p == nil {
		return
	}
	p.advance(n)
	if !o.Terminal {
		if line := p.lineEvery(o.PlainEvery); line != "" {
			o.screen.print(line + "\n")
		}
	}
}

// Finish ends the current phase, and removes whatever shows progress.
func (o *Output) Finish() { o.Phase("", 0) }

// picture is the one line that shows a phase on a terminal.
func (p *phase) picture(width, _ int) []string { return []string{p.bar(width, time.Now())} }

// text tells where a phase stands in a line of a log: what is done, of how much, how fast, and how long the rest will take.
func (p *phase) text(now time.Time) string {
	done, total, rate, left := p.measure(now)
	text := fmt.Sprintf("%s: %s", p.name, Bytes(done))
	if left > 0 {
		return fmt.Sprintf("%s of about %s, %s/s, %s left", text, Bytes(total), Bytes(rate), Duration(left))
	}
	return fmt.Sprintf("%s, %s/s", text, Bytes(rate))
}
