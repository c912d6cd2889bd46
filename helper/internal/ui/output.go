// Package ui prints everything: results on standard output, everything else on standard error.
//
// On a terminal one line shows how far a long action is. Elsewhere a plain line is printed every few seconds, so that a log stays
// readable.
package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// ErrNoAnswer means that a question could not be asked because nobody is there to answer it.
var ErrNoAnswer = errors.New("there is no terminal to ask on")

// Options say where and how a command prints.
type Options struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal means that standard error is a terminal, Interactive that standard input is one as well.
	Terminal, Interactive bool
	// Quiet leaves out progress and notes; errors and questions remain.
	Quiet bool
	// JSON prints the result as one JSON object on standard output.
	JSON bool
	// PlainEvery is the time between two lines of progress where there is no terminal.
	PlainEvery time.Duration
}

// Output prints what a command has to say, to people and to machines. Several goroutines may use it.
type Output struct {
	Options
	screen *screen
	mutex  sync.Mutex
	phase  *phase
}

// Standard prints to the process's own standard streams.
func Standard(quiet, asJSON bool) *Output {
	terminal := term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb"
	out := New(Options{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Terminal:    terminal,
		Interactive: terminal && term.IsTerminal(int(os.Stdin.Fd())),
		Quiet:       quiet, JSON: asJSON,
		PlainEvery: 5 * time.Second,
	})
	out.screen = standardError // all outputs of a process share its terminal
	return out
}

// New prints as the options say.
func New(options Options) *Output {
	return &Output{Options: options, screen: &screen{writer: options.Stderr, size: func() (int, int) { return 80, 24 }}}
}

// Note prints one line to whoever watches.
func (o *Output) Note(line string) {
	if !o.Quiet {
		o.screen.print(printable(line) + "\n")
	}
}

// Print writes data to standard output, unless the result is asked for as JSON.
func (o *Output) Print(format string, values ...any) {
	o.PrintPainted(printable(fmt.Sprintf(format, values...)))
}

// PrintPainted does the same with text that a Painter has coloured. Nothing in it may come from outside, but for the cells of a Table.
func (o *Output) PrintPainted(text string) {
	if o.JSON {
		return
	}
	_ = o.screen.printTo(o.Stdout, text)
}

// Result writes the result as one JSON object, if that is asked for.
func (o *Output) Result(result any) error {
	if !o.JSON {
		return nil
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(result)
	if err == nil {
		err = o.screen.printTo(o.Stdout, printableJSON(text.String()))
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// Fail ends whatever shows progress, and prints what went wrong and what to do next.
func (o *Output) Fail(err error, hint string) {
	o.screen.show(nil)
	text := fmt.Sprintf("error: %s\n", err)
	if hint != "" {
		text += fmt.Sprintf("hint: %s\n", hint)
	}
	o.screen.print(printable(text))
}

// Confirm asks a question that must be answered with yes. It fails with ErrNoAnswer if there is no terminal.
func (o *Output) Confirm(ctx context.Context, question string) (bool, error) {
	if !o.Interactive {
		return false, ErrNoAnswer
	}
	defer o.screen.ask(printable(question) + " [y/N] ")()
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(o.Stdin).ReadString('\n')
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answers:
		return answer == "y" || answer == "yes", nil
	case <-ctx.Done():
		o.screen.print("\n")
		return false, context.Cause(ctx)
	}
}
