package ui

import (
	"os"

	"golang.org/x/term"
)

// Colour is one of a terminal's colours.
type Colour string

// The colours. A terminal's theme makes them readable on its background.
const (
	Red     Colour = "31"
	Green   Colour = "32"
	Yellow  Colour = "33"
	Magenta Colour = "35"
	Cyan    Colour = "36"
)

// Painter returns a function that colours text for PrintPainted. It does nothing unless standard output is a terminal and NO_COLOR is not
// set.
func (o *Output) Painter() func(text string, colour Colour) string {
	file, ok := o.Stdout.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return func(text string, _ Colour) string { return text }
	}
	return func(text string, colour Colour) string { return "\x1b[" + string(colour) + "m" + text + "\x1b[39m" }
}
