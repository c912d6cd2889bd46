package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

const (
	// leastName is how many columns of a phase's name are kept, leastBar how many the bar itself has at least.
	leastName, leastBar = 12, 8
	// barFrame is what progressbar writes around a bar: its percentage, its ends and the spaces between.
	barFrame = len("100% || ")
)

// bar is the line that shows the phase in at most so many columns. If there are too few of them for everything, what matters
// least is left out.
func (p *phase) bar(columns int, now time.Time) string {
	done, total, rate, left := p.measure(now)
	if total == 0 {
		return p.spin(columns, done, rate, now)
	}
	var speed, rest string
	if rate > 0 {
		speed = Bytes(rate) + "/s"
	}
	if left > 0 {
		rest = Duration(left) + " left"
	}
	amount := amounts(done, total)
	for level, facts := range [][]string{{amount, speed, rest}, {amount, rest}, {rest}} {
		text := joined(facts)
		if room := columns - barFrame - p.widest(level, text); room >= leastBar+1+min(uniseg.StringWidth(p.name), leastName) {
			name := fit(p.name, room-leastBar-1)
			return name + " " + drawBar(done, total, room-1-uniseg.StringWidth(name)) + " " + text
		}
	}
	percent := fmt.Sprintf(" %d%%", 100*done/total)
	return fit(fit(p.name, max(0, columns-len(percent)))+percent, columns)
}

// spin shows a phase of which nobody knows how long it will be.
func (p *phase) spin(columns int, done, rate int64, now time.Time) string {
	facts := []string{""}
	if done > 0 {
		facts = append(facts, Bytes(done), Bytes(rate)+"/s")
	}
	if passed := now.Sub(p.began).Truncate(time.Second); passed > 0 {
		facts = append(facts, withoutZeros(passed))
	}
	text := strings.Join(facts, ", ")
	spinner := p.nextSpinner() + " "
	return fit(spinner+fit(p.name, max(leastName, columns-len(spinner)-len(text)))+text, columns)
}

// widest returns the width of the widest text that the phase has had with as many facts: the bar would tremble if it made room for
// each digit.
func (p *phase) widest(level int, text string) int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.widths[level] = max(p.widths[level], uniseg.StringWidth(text))
	return p.widths[level]
}

// amounts gives 1.2/4.0 MB.
func amounts(done, total int64) string {
	amount, of := Bytes(done), Bytes(total)
	if number, unit, _ := strings.Cut(amount, " "); strings.HasSuffix(of, " "+unit) {
		amount = number
	}
	return amount + "/" + of
}

// joined lists what is not empty.
func joined(facts []string) string {
	var known []string
	for _, fact := range facts {
		if fact != "" {
			known = append(known, fact)
		}
	}
	return strings.Join(known, ", ")
}

// drawBar gives the percentage and a bar. Each picture has a bar of its own, which writes nowhere: one that wrote to the terminal
// would do so from its own goroutine, also after another line has taken its place.
func drawBar(done, total int64, columns int) string {
	bar := progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetWidth(columns),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetRenderBlankState(true),
	)
	_ = bar.Set64(done)
	return strings.TrimSpace(bar.String())
}

// nextSpinner gives the next character of a spinner.
func (p *phase) nextSpinner() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.spinner == nil {
		p.spinner = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(io.Discard),
			progressbar.OptionSetSpinnerChangeInterval(0), // else the bar starts a goroutine that draws for ever
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(false),
		)
	}
	_ = p.spinner.RenderBlank()
	return strings.TrimSpace(p.spinner.String())
}
