// Package ui is the only one that draws: results on standard output, everything else on standard error.
//
// On a terminal a long action shows a bar; elsewhere it says where it stands every few seconds, one
// plain line at a time, so that a log stays readable.
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

// Options say how a command talks.
type Options struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal says that standard error is a terminal, Interactive that standard input is one too.
	Terminal, Interactive bool
	// Quiet leaves out progress and notes, errors and questions remain.
	Quiet bool
	// JSON makes the result one JSON object on standard output.
	JSON bool
	// PlainEvery is the time between two lines of progress off a terminal.
	PlainEvery time.Duration
}

// Output is what a command says, to people and to machines. It may be used by several goroutines.
type Output struct {
	Options
	mutex sync.Mutex
	phase *phase
}

// Standard talks through the process's own standard streams.
func Standard(quiet, asJSON bool) *Output {
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	return New(Options{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Terminal:    terminal,
		Interactive: terminal && term.IsTerminal(int(os.Stdin.Fd())),
		Quiet:       quiet, JSON: asJSON,
		PlainEvery: 5 * time.Second,
	})
}

// New talks as options say.
func New(options Options) *Output { return &Output{Options: options} }

// Note says one line to whoever watches.
func (o *Output) Note(line string) {
	if o.Quiet {
		return
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.phase.clear()
	fmt.Fprintln(o.Stderr, line)
}

// Print writes data to standard output, unless the result is asked for as JSON.
func (o *Output) Print(format string, values ...any) {
	if o.JSON {
		return
	}
	fmt.Fprintf(o.Stdout, format, values...)
}

// Result writes the result as one JSON object, if that is asked for.
func (o *Output) Result(result any) error {
	if !o.JSON {
		return nil
	}
	encoder := json.NewEncoder(o.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// Fail says what went wrong and what to do next.
func (o *Output) Fail(err error, hint string) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.phase.clear()
	fmt.Fprintf(o.Stderr, "error: %s\n", err)
	if hint != "" {
		fmt.Fprintf(o.Stderr, "hint: %s\n", hint)
	}
}

// Confirm asks a question that must be answered with yes. Where there is no terminal it fails with
// ErrNoAnswer.
func (o *Output) Confirm(ctx context.Context, question string) (bool, error) {
	if !o.Interactive {
		return false, ErrNoAnswer
	}
	fmt.Fprintf(o.Stderr, "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(o.Stdin).ReadString('\n')
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answers:
		return answer == "y" || answer == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(o.Stderr)
		return false, context.Cause(ctx)
	}
}
