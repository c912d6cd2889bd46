package stories

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"github.com/rogpeppe/go-internal/testscript"
)

func init() {
	commands["screen"] = runOnScreen
}

// screen WIDTHxHEIGHT code N [at PATTERN ^C] [at PATTERN WIDTHxHEIGHT] COMMAND... runs a command on an emulated terminal and requires its exit
// code. What is on the screen in the end goes to standard output, and each picture of the lines that showed progress into the file
// pictures. When such a picture matches the pattern, ^C is typed, or the terminal gets another size. At each moment, the screen must
// hold what was printed, once, and the progress below it.
func runOnScreen(ts *testscript.TestScript, _ bool, args []string) {
	s := &screen{ts: ts}
	size := parseSize(ts, args[0])
	wanted, args := args[2], args[3:]
	for ; args[0] == "at"; args = args[3:] {
		s.reactions = append(s.reactions, reaction{regexp.MustCompile(args[1]), args[2]})
	}
	command := exec.Command(args[0], args[1:]...)
	if found, ok := inPath(args[0], ts.Getenv("PATH")); ok {
		command.Path, command.Err = found, nil
	}
	command.Dir, command.Env = ts.MkAbs("."), append(environ(ts), "TERM=xterm-256color")
	s.terminal = vt10x.New(vt10x.WithSize(int(size.Cols), int(size.Rows)))
	keyboard, err := pty.StartWithSize(command, size)
	check(ts, err)
	ts.Defer(func() { _ = command.Process.Kill(); _ = keyboard.Close() })
	s.keyboard = keyboard
	s.watch()
	exit, got := new(exec.ExitError), "0"
	if err := command.Wait(); errors.As(err, &exit) {
		got = strconv.Itoa(exit.ExitCode())
	} else {
		check(ts, err)
	}
	end := strings.Join(s.rows(), "\n") + "\n"
	_, _ = ts.Stdout().Write([]byte(end))
	check(ts, os.WriteFile(ts.MkAbs("pictures"), []byte(strings.Join(s.pictures, "\n")+"\n"), 0o644))
	if got != wanted {
		ts.Fatalf("exit code %s, not %s", got, wanted)
	}
	if at := slices.IndexFunc(s.rows(), progressRow.MatchString); at >= 0 {
		ts.Fatalf("the row of progress is still on the screen:\n%s", end)
	}
	if len(s.reactions) > 0 {
		ts.Fatalf("no picture matched %s", s.reactions[0].at)
	}
}

func parseSize(ts *testscript.TestScript, text string) *pty.Winsize {
	var size pty.Winsize
	_, err := fmt.Sscanf(text, "%dx%d", &size.Cols, &size.Rows)
	check(ts, err)
	return &size
}

// screen is a terminal on which a command runs.
type screen struct {
	ts        *testscript.TestScript
	terminal  vt10x.Terminal
	keyboard  *os.File
	pictures  []string
	printed   string // what is above the progress
	reactions []reaction
}

// reaction is what the user does when a picture matches a pattern.
type reaction struct {
	at    *regexp.Regexp
	typed string // ^C, or the terminal's new size
}

// watch reads what the command writes until it ends, and looks at each picture.
func (s *screen) watch() {
	buffer := make([]byte, 1<<16)
	for {
		n, err := s.keyboard.Read(buffer)
		if err != nil {
			return // the command has ended
		}
		_, _ = s.terminal.Write(buffer[:n])
		// A read can end in the middle of a picture. One that is complete leaves the cursor at the beginning of a line.
		if last := string(buffer[:n]); strings.HasSuffix(last, "\r") || strings.HasSuffix(last, "\n") {
			s.look()
		}
	}
}

// progressRow matches a bar, a spinner, a percentage without a bar, and the status of a fleet.
var progressRow = regexp.MustCompile(`[0-9]% \||^[|/\\-] \S|\S [0-9]+%$|[0-9] running, [0-9]+ waiting$`)

func (s *screen) look() {
	rows := s.rows()
	first := slices.IndexFunc(rows, progressRow.MatchString)
	if first < 0 {
		first = len(rows)
	}
	printed, progress := strings.Join(rows[:first], "\n"), rows[first:]
	width, height := s.terminal.Size()
	for _, row := range progress {
		if !progressRow.MatchString(row) || len([]rune(row)) >= width {
			s.ts.Fatalf("this row of progress is odd: %q\nThe screen holds\n%s", row, strings.Join(rows, "\n"))
		}
	}
	// Rows that have left the screen at its top cannot be compared.
	if len(rows) < height && !strings.HasPrefix(printed, s.printed) {
		s.ts.Fatalf("what was printed has changed:\n%s\nwas\n%s", strings.Join(rows, "\n"), s.printed)
	}
	s.printed = printed
	if len(progress) > 0 {
		s.pictures = append(s.pictures, strings.Join(progress, "\n"))
		s.react(strings.Join(progress, "\n"))
	}
}

func (s *screen) react(picture string) {
	if len(s.reactions) == 0 || !s.reactions[0].at.MatchString(picture) {
		return
	}
	typed := s.reactions[0].typed
	s.reactions = s.reactions[1:]
	if typed == "^C" {
		_, _ = s.keyboard.Write([]byte{3})
		return
	}
	size := parseSize(s.ts, typed)
	s.terminal.Resize(int(size.Cols), int(size.Rows))
	s.printed = "" // what did not fit was cut off
	check(s.ts, pty.Setsize(s.keyboard, size))
}

// rows are the screen's, without those at the end that are empty.
func (s *screen) rows() []string {
	text := strings.TrimRight(s.terminal.String(), " \n")
	if text == "" {
		return nil
	}
	rows := strings.Split(text, "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return rows
}
