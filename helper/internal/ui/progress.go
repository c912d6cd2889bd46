package ui

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// phase is one stretch of a long action, measured in bytes.
type phase struct {
	name        string
	done, total int64
	began       time.Time
	lastLine    time.Time
	bar         *progressbar.ProgressBar
}

func (p *phase) clear() {
	if p != nil && p.bar != nil {
		_ = p.bar.Clear()
	}
}

// Phase begins the next stretch of a long action, and ends the one before. Total is the number of
// bytes that are expected, 0 where nobody knows; it may be a guess.
func (o *Output) Phase(name string, total int64) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.phase.clear()
	o.phase = nil
	if o.Quiet || name == "" {
		return
	}
	now := time.Now()
	o.phase = &phase{name: name, total: total, began: now, lastLine: now}
	if o.Terminal {
		o.phase.bar = o.newBar(name, total)
		return
	}
	fmt.Fprintln(o.Stderr, name)
}

// Advance says that n more bytes of the current phase are done.
func (o *Output) Advance(n int64) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	p := o.phase
	if p == nil {
		return
	}
	p.done += n
	if p.bar != nil {
		// The total is often the last dump's size: when this one is larger, the bar grows with it.
		if p.total > 0 && p.done >= p.total {
			p.total = p.done + p.done/50 + 1
			p.bar.ChangeMax64(p.total)
		}
		_ = p.bar.Set64(p.done)
		return
	}
	if now := time.Now(); now.Sub(p.lastLine) >= o.PlainEvery {
		p.lastLine = now
		fmt.Fprintln(o.Stderr, p.line(now))
	}
}

// Finish ends the current phase.
func (o *Output) Finish() { o.Phase("", 0) }

func (o *Output) newBar(name string, total int64) *progressbar.ProgressBar {
	if total <= 0 {
		total = -1
	}
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(o.Stderr),
		progressbar.OptionSetDescription(name),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionUseIECUnits(false),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionFullWidth(),
	)
}

// line is where a phase stands: what is done, of how much, how fast, and how long it will take.
func (p *phase) line(now time.Time) string {
	rate := float64(p.done) / now.Sub(p.began).Seconds()
	text := fmt.Sprintf("%s: %s", p.name, Bytes(p.done))
	if p.total > p.done {
		left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second))
		return fmt.Sprintf("%s of about %s, %s/s, %s left", text, Bytes(p.total), Bytes(int64(rate)), Duration(left))
	}
	return fmt.Sprintf("%s, %s/s", text, Bytes(int64(rate)))
}
