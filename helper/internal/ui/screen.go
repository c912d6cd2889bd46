package ui

import (
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// screen is a terminal, or what stands in its place. On a terminal, the lines that show progress are drawn below everything that
// was printed, and drawn again as time passes. Only one picture is there at a time, and nobody else writes to the terminal:
// that is why nothing is ever drawn twice.
type screen struct {
	writer io.Writer
	size   func() (width, height int)

	mutex   sync.Mutex
	picture picture
	asking  bool     // the user is typing an answer: nothing may be drawn
	drawn   []string // the lines that are on the terminal
	width   int      // of the terminal when they were drawn
}

// picture returns the lines that show progress, each of which fits into width columns.
type picture func(width, height int) []string

// redrawEvery is the time between two pictures.
const redrawEvery = 100 * time.Millisecond

// standardError is the screen of the whole process.
var standardError = &screen{writer: os.Stderr, size: func() (int, int) { return terminalSize(os.Stderr) }}

func terminalSize(terminal *os.File) (width, height int) {
	width, height, err := term.GetSize(int(terminal.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// show puts a picture in the place of the one before; nil removes it.
func (s *screen) show(next picture) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	before := s.picture
	s.picture = next
	s.draw("")
	if before == nil && next != nil {
		go s.redraw()
	}
}

// redraw draws until there is no picture any more. A picture that comes later has its own goroutine, so there may be two of them for a moment.
func (s *screen) redraw() {
	for ticker := time.NewTicker(redrawEvery); ; <-ticker.C {
		s.mutex.Lock()
		if s.picture == nil {
			s.mutex.Unlock()
			ticker.Stop()
			return
		}
		s.draw("")
		s.mutex.Unlock()
	}
}

// print writes text to the terminal, above the picture.
func (s *screen) print(text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.draw(text)
}

// printTo writes text to another stream, which may lead to the same terminal.
func (s *screen) printTo(other io.Writer, text string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.write(s.clear())
	_, err := io.WriteString(other, text)
	s.draw("")
	return err
}

// ask writes a question. Nothing is drawn until answered is called.
func (s *screen) ask(question string) (answered func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asking = true
	s.write(s.clear() + question)
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.asking = false
	}
}

// draw writes text and, below it, the picture as it is now, at once: a terminal that shows half of it would flicker.
func (s *screen) draw(text string) {
	width, height := s.size()
	var lines []string
	if s.picture != nil && !s.asking {
		lines = s.picture(width-1, height-1) // a character in the last column would let some terminals begin the next line
	}
	if text == "" && width == s.width && slices.Equal(lines, s.drawn) {
		return
	}
	text = s.clear() + text
	if len(lines) > 0 {
		// The cursor waits at the beginning of the last line: there it stays when the terminal gets narrower, and
		// the ^C of a user who gives up does not make the line longer.
		text += strings.Join(lines, "\n") + "\r"
	}
	s.drawn, s.width = lines, width
	s.write(text)
}

func (s *screen) write(text string) {
	if text != "" {
		_, _ = io.WriteString(s.writer, text)
	}
}

// clear returns what removes the picture from the terminal. A terminal that has become narrower has wrapped its lines. Each row is
// cleared by itself: tmux takes a screen that is cleared as a whole into its history.
func (s *screen) clear() string {
	if len(s.drawn) == 0 {
		return ""
	}
	width, _ := s.size()
	rows, below := 0, 0 // below the one that has the cursor
	for _, line := range s.drawn {
		wrapped := max(1, (uniseg.StringWidth(line)+width-1)/width)
		rows, below = rows+wrapped, wrapped-1
	}
	s.drawn = nil
	return "\r" + strings.Repeat("\x1b[B", below) + strings.Repeat("\x1b[2K\x1b[A", rows-1) + "\x1b[2K"
}

// fit shortens a line to a number of columns.
func fit(line string, columns int) string {
	if uniseg.StringWidth(line) <= columns {
		return line
	}
	if columns < 1 {
		return ""
	}
	var text strings.Builder
	used := 0
	for characters := uniseg.NewGraphemes(line); characters.Next(); {
		if used += characters.Width(); used > columns-1 {
			break
		}
		text.WriteString(characters.Str())
	}
	return text.String() + "…"
}
