package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/fleet"
)

// Drawings are SVG shapes with attributes, because the page's policy allows no inline styles.

// bar shows an age, in percent of the bar's width. The limit is at two thirds of it.
type bar struct {
	Fill float64
	// Level is the bar's class: calm, near or over.
	Level string
}

func newBar(spent float64) *bar {
	b := &bar{rounded(100 * min(1, spent*2/3)), "calm"}
	switch {
	case spent > 1:
		b.Level = "over"
	case spent > 0.85:
		b.Level = "near"
	}
	return b
}

// The size of a sparkline, in its own units.
const (
	sparkWidth, sparkHeight = 96.0, 24.0
	sparkMargin             = 3.0
	mostPoints              = 30
)

// sparkline is a line through the last numbers of a series.
type sparkline struct {
	Width, Height float64
	Line, Area    string // SVG: the points of the line, the path of the area below it
	EndX, EndY    float64
	Says          string
}

// newSparkline draws a series. It returns nil if there are fewer than two numbers.
func newSparkline(series []float64, say func(float64) string) *sparkline {
	if len(series) < 2 {
		return nil
	}
	series = series[max(0, len(series)-mostPoints):]
	least, most := slices.Min(series), slices.Max(series)
	// Draw a series that hardly changes as a flat line in the middle, not as noise of full height.
	if margin := 0.1*most - (most - least); margin > 0 {
		least, most = least-margin/2, most+margin/2
	}
	s := &sparkline{Width: sparkWidth, Height: sparkHeight}
	var points []string
	for i, number := range series {
		s.EndX = rounded(sparkMargin + float64(i)*(sparkWidth-2*sparkMargin)/float64(len(series)-1))
		s.EndY = sparkHeight / 2
		if most > least {
			s.EndY = rounded(sparkMargin + (sparkHeight-2*sparkMargin)*(most-number)/(most-least))
		}
		points = append(points, fmt.Sprintf("%g,%g", s.EndX, s.EndY))
	}
	s.Line = strings.Join(points, " ")
	s.Area = fmt.Sprintf("M%g,%g L%s L%g,%g Z", sparkMargin, sparkHeight, strings.Join(points, " L"), s.EndX, sparkHeight)
	s.Says = fmt.Sprintf("the last %d: from %s to %s, now %s", len(series), say(slices.Min(series)), say(slices.Max(series)), say(series[len(series)-1]))
	return s
}

// tick is one run in the strip of the last runs.
type tick struct {
	X      int
	Height int
	Y      int
	Class  string
	Says   string
}

// mostTicks is how many runs a strip shows.
const mostTicks = 14

// ticks draws the last runs, the newest on the right.
func ticks(runs []fleet.Run) []tick {
	runs = runs[max(0, len(runs)-mostTicks):]
	var strip []tick
	for i, run := range runs {
		t := tick{X: (mostTicks - len(runs) + i) * 6, Height: 14, Y: 1, Class: "run-" + strings.ReplaceAll(string(run.State), " ", "-")}
		if run.State == fleet.Unchanged || run.State == fleet.Fresh {
			t.Height, t.Y = 6, 9
		}
		t.Says = at(run.Started).Human + ": " + string(run.State)
		strip = append(strip, t)
	}
	return strip
}

// rounded keeps the page small: a tenth of a unit is invisible.
func rounded(number float64) float64 { return math.Round(10*number) / 10 }
