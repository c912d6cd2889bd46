// Package command runs programs that print SQL, on this machine or through SSH, and leaves no process behind.
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

// Program describes how to start a program.
type Program struct {
	Name  string // for error messages, such as "pg_dump 15.10"
	Path  string
	Args  []string
	Env   []string
	dir   string
	Given []byte // the program reads this from file descriptor 3
	Input []byte // the program reads this from its standard input
	// Hide is masked in the program's messages.
	Hide secret.String
	// Silent is the reason to assume if the program fails without a message; nil if there is none.
	Silent error
}

// Child is a running program. It has a process group of its own, so that it can be killed with all its children.
type Child struct {
	program Program
	cmd     *exec.Cmd
	stdout  *os.File
	stderr  *tail
	ctx     context.Context
	stop    func() bool // stops watching ctx

	ended chan struct{} // closed when the program has ended
	exit  error         // the result of Wait, valid once ended is closed

	mu   sync.Mutex
	over bool // the process group is gone, and the system may have reused its number
}

// Start runs the program. When ctx ends, the whole process group is killed.
func (p Program) Start(ctx context.Context) (*Child, error) {
	c := &Child{program: p, stderr: &tail{}, ctx: ctx, ended: make(chan struct{})}
	// exec would kill only the child when ctx ends; c.kill takes the whole group.
	c.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.Path, p.Args...)
	c.cmd.Env, c.cmd.Dir, c.cmd.Stderr = p.Env, p.dir, c.stderr
	if p.Input != nil {
		c.cmd.Stdin = bytes.NewReader(p.Input)
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A grandchild that outlives the child may keep standard error open: do not wait for it.
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
		// Given is far smaller than a pipe's buffer, so this write does not block.
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
			// The children of a failed program could keep the pipe open forever.
			c.kill()
		}
		close(c.ended)
	}()
	c.stop = context.AfterFunc(ctx, c.kill)
	return c, nil
}

// Read reads the child's standard output. It returns io.EOF only if the child succeeded.
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

// PID returns the ID of the program's process, which is also that of its process group.
func (c *Child) PID() int { return c.cmd.Process.Pid }

func (c *Child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// wait waits for the child's end and returns why it failed: its context's cause, or a ClientError.
func (c *Child) wait() error {
	<-c.ended
	c.stop()
	c.kill() // whatever the child left behind
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
		failed := clientError(c.program.Name, exitStatus(exit), c.stderr, c.program.Hide)
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

// clientError makes a ClientError from the last lines that a client wrote to standard error.
func clientError(client, status string, stderr *tail, hide secret.String) *source.ClientError {
	lines := stderr.Lines()
	if hide.IsSet() {
		for i := range lines {
			lines[i] = strings.ReplaceAll(lines[i], hide.Reveal(), hide.String())
		}
	}
	return &source.ClientError{Client: client, Status: status, Stderr: lines, Reason: source.ReasonOf(lines)}
}

// tail keeps the last bytes that are written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const (
	tailBytes = 8 << 10
	tailLines = 8 // pg_dump writes 7 about a connection that the server ends
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

// Lines returns the last lines, without blank lines and the clients' routine warnings.
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
