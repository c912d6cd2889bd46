// Package command runs programs that print SQL, on this machine or through SSH, and ends them whole.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Program is what a child is started from.
type Program struct {
	Name  string // as errors name it, "pg_dump 15.10"
	Path  string
	Args  []string
	Env   []string
	dir   string
	Given []byte // what the child reads from file descriptor 3
	// Hide is taken out of what the child says.
	Hide secret.String
	// Silent is what is wrong when the child fails by itself without a word; nil if nobody knows.
	Silent error
}

// Child is a running program in a process group of its own, so that it ends whole.
type Child struct {
	program Program
	cmd     *exec.Cmd
	stdout  *os.File
	stderr  *tail
	ctx     context.Context
	stop    func() bool // ends the watch over ctx

	ended chan struct{} // closed when the program has ended
	exit  error         // how; to be read after that

	mu   sync.Mutex
	over bool // nothing of the process group is left: its number may be another's by now
}

// Start runs the program. When ctx ends, the whole process group is killed.
func (p Program) Start(ctx context.Context) (*Child, error) {
	c := &Child{program: p, stderr: &tail{}, ctx: ctx, ended: make(chan struct{})}
	// Ending with ctx is left to kill, which takes the whole group.
	c.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.Path, p.Args...)
	c.cmd.Env, c.cmd.Dir, c.cmd.Stderr = p.Env, p.dir, c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A grandchild that outlives the child may hold standard error open; its words are not waited for.
	c.cmd.WaitDelay = 2 * time.Second

	var opened []*os.File
	closeAll := func() {
		for _, file := range opened {
			_ = file.Close()
		}
	}
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err == nil {
			opened = append(opened, r, w)
		}
		return r, w, err
	}
	out, in, err := pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	widen(in)
	c.stdout, c.cmd.Stdout = out, in
	if p.Given != nil {
		r, w, err := pipe()
		if err != nil {
			closeAll()
			return nil, fmt.Errorf("start %s: %w", p.Name, err)
		}
		c.cmd.ExtraFiles = []*os.File{r}
		// What is given is far smaller than a pipe's buffer: writing does not block.
		if _, err := w.Write(p.Given); err != nil {
			closeAll()
			return nil, fmt.Errorf("start %s: %w", p.Name, err)
		}
	}
	if err := c.cmd.Start(); err != nil {
		closeAll()
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	for _, file := range opened {
		if file != out {
			_ = file.Close()
		}
	}
	go func() {
		c.exit = c.cmd.Wait()
		if c.exit != nil {
			// A failed child's own children may hold the pipe open for ever.
			c.kill()
		}
		close(c.ended)
	}()
	c.stop = context.AfterFunc(ctx, c.kill)
	return c, nil
}

// Read reads the child's standard output. At its end it gives io.EOF only if the child ended well.
func (c *Child) Read(p []byte) (int, error) {
	n, err := c.stdout.Read(p)
	if err == nil || n > 0 {
		return n, nil
	}
	if !errors.Is(err, io.EOF) {
		c.kill()
	}
	if failed := c.wait(); failed != nil {
		return 0, failed
	}
	return 0, err
}

// Close kills the child if it still runs, and waits for it.
func (c *Child) Close() error {
	c.kill()
	_ = c.wait()
	return c.stdout.Close()
}

// PID is the number of the program's process, and of its group.
func (c *Child) PID() int { return c.cmd.Process.Pid }

func (c *Child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// wait waits for the child's end and gives its failure: that of its context, or a SourceError.
func (c *Child) wait() error {
	<-c.ended
	c.stop()
	c.kill() // whatever it left behind ends with it
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	var exit *exec.ExitError
	switch {
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case c.exit == nil, errors.Is(c.exit, exec.ErrWaitDelay):
		return nil
	case errors.As(c.exit, &exit):
		failed := sourceError(c.program.Name, exitStatus(exit), c.stderr, c.program.Hide)
		if len(failed.Stderr) == 0 && exit.Exited() {
			failed.Reason = c.program.Silent
		}
		return failed
	default:
		return fmt.Errorf("wait for %s: %w", c.program.Name, c.exit)
	}
}

func exitStatus(exit *exec.ExitError) string {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return killedBy(int(status.Signal()))
	}
	return fmt.Sprintf("exit status %d", exit.ExitCode())
}

func killedBy(signal int) string { return fmt.Sprintf("killed by signal %d", signal) }

// sourceError makes a SourceError of the last lines that a client wrote.
func sourceError(client, status string, stderr *tail, hide secret.String) *source.ClientError {
	lines := stderr.Lines()
	if hide.IsSet() {
		for i := range lines {
			lines[i] = strings.ReplaceAll(lines[i], hide.Reveal(), hide.String())
		}
	}
	return &source.ClientError{Client: client, Status: status, Stderr: lines, Reason: source.ReasonOf(lines)}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const (
	tailBytes = 8 << 10
	tailLines = 6
)

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = slices.Delete(t.text, 0, over)
	}
	return len(p), nil
}

// Lines gives the last lines without blank ones and without the clients' routine warnings.
func (t *tail) Lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range bytes.Lines(t.text) {
		text := strings.TrimSpace(strings.ToValidUTF8(string(line), "?"))
		if text != "" && !strings.Contains(text, "Deprecated program name") {
			lines = append(lines, text)
		}
	}
	return lines[max(0, len(lines)-tailLines):]
}
