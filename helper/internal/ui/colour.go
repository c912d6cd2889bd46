package ui

import (
	"os"

	"golang.org/x/term"
)

// Colour is one of a terminal's own.
type Colour string

// The colours, which the user's terminal has chosen to be readable on its ground.
const (
	Plain   Colour = "39"
	Red     Colour = "31"
	Green   Colour = "32"
	Yellow  Colour = "33"
	Magenta Colour = "35"
)

// Painter gives what colours a text on standard output: nothing, unless that is a terminal and NO_COLOR is not set. Texts
// of one length have one length when they are coloured, whatever the colour, so that a Table lines them up.
func (o *Output) Painter() func(text string, colour Colour) string {
	file, ok := o.Stdout.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return func(text string, _ Colour) string { return text }
	}
	return func(text string, colour Colour) string { return "\x1b[" + string(colour) + "m" + text + "\x1b[39m" }
}
