package ui

import (
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// phase is a part of a long action, measured in bytes.
type phase struct {
	name  string
	began time.Time

	mutex       sync.Mutex
	done, total int64 // the total is 0 where nobody knows it
	lastLine    time.Time
	spinner     *progressbar.ProgressBar // where the total is not known
	widths      [3]int                   // see widest
}

func newPhase(name string, total int64) *phase {
	now := time.Now()
	return &phase{name: strings.Join(strings.Fields(printable(name)), " "), total: max(0, total), began: now, lastLine: now}
}

// advance says that n more bytes are done. The total is often the last dump's size: when this one is larger, it grows.
func (p *phase) advance(n int64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.done += n
	if p.total > 0 && p.done > p.total {
		p.total = p.done + p.done/50 + 1
	}
}

// measure returns where the phase stands: what is done, of how much, how many bytes a second, and how long the rest will take;
// 0 where nobody knows.
func (p *phase) measure(now time.Time) (done, total, rate int64, left time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if passed := now.Sub(p.began).Seconds(); passed > 0 {
		rate = int64(float64(p.done) / passed)
	}
	if rate > 0 && p.total > p.done {
		left = time.Duration(min(float64(p.total-p.done)/float64(rate), 1e9) * float64(time.Second))
	}
	return p.done, p.total, rate, left
}

// lineEvery returns the line for a log if the last one is old enough, else "".
func (p *phase) lineEvery(interval time.Duration) string {
	now := time.Now()
	p.mutex.Lock()
	due := now.Sub(p.lastLine) >= interval
	if due {
		p.lastLine = now
	}
	p.mutex.Unlock()
	if !due {
		return ""
	}
	return p.text(now)
}
