package fleet

import (
	"slices"
	"time"
)

// Span is a time during which a project's newest dump was younger than it had to be.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

const (
	// serviceTime is the time over which a service level is measured.
	serviceTime = 30 * 24 * time.Hour
	// mostSpans bounds a history: a project that is late again and again has one for each time.
	mostSpans = 300
	// leastService is the shortest time about which a service level says anything.
	leastService = time.Hour
)

// cover adds what a dump covers: from when it was there until it is too old. One that comes in time makes the last span longer.
func cover(spans []Span, more Span) []Span {
	if !more.From.Before(more.Until) {
		return spans
	}
	if last := len(spans) - 1; last >= 0 && !more.From.After(spans[last].Until) {
		spans[last].Until = later(spans[last].Until, more.Until)
		return spans
	}
	spans = append(spans, more)
	return spans[max(0, len(spans)-mostSpans):]
}

// covered is the history's spans with that of another run.
func (h *History) covered(run Run) []Span {
	spans := slices.Clone(h.Fresh)
	age := time.Duration(h.MaxAge * float64(time.Second))
	if len(spans) == 0 { // a history from before there were spans
		for _, before := range h.Runs {
			spans = cover(spans, before.span(age))
		}
	}
	spans = cover(spans, run.span(age))
	return slices.DeleteFunc(spans, func(span Span) bool { return run.Started.Sub(span.Until) > serviceTime })
}

// span is how long the dump of a run counts as fresh; nothing if the run has failed.
func (r Run) span(age time.Duration) Span {
	if r.State != Published && r.State != Unchanged {
		return Span{}
	}
	began := r.Started.UTC().Truncate(time.Second)
	there := began
	if r.State == Published { // until then, the dump before it counts
		there = began.Add(time.Duration(r.Seconds * float64(time.Second))).Truncate(time.Second)
	}
	return Span{there, began.Add(age)}
}

// serviceLevel is the share of the last 30 days, or of the time since the first known dump, in which there was a fresh one; and how
// long that time is. It returns false if too little is known.
func serviceLevel(spans []Span, now time.Time) (share float64, over time.Duration, known bool) {
	if len(spans) == 0 {
		return 0, 0, false
	}
	begin := later(spans[0].From, now.Add(-serviceTime))
	if over = now.Sub(begin); over < leastService {
		return 0, 0, false
	}
	var fresh time.Duration
	for at, span := range spans {
		from, until := later(span.From, begin), span.Until
		if until.After(now) {
			until = now
		}
		if at > 0 {
			from = later(from, spans[at-1].Until)
		}
		fresh += max(0, until.Sub(from))
	}
	return float64(fresh) / float64(over), over, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
