package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
)

// Command is how SourceError and Info call a command, whose text may hold secrets.
const Command = "command"

// command is a source of which nothing is known but that it prints SQL.
type command struct {
	config Config
	tunnel *tunnel
}

func newCommand(config Config, tunnel *tunnel) *command {
	return &command{config: config, tunnel: tunnel}
}

func (c *command) inspect(context.Context) (Info, error) {
	if c.tunnel == nil && c.config.Dir != "" {
		if stat, err := os.Stat(c.config.Dir); err != nil || !stat.IsDir() {
			return Info{}, fmt.Errorf("run the source command: %s is not a folder", c.config.Dir)
		}
	}
	return Info{Client: Command}, nil
}

func (c *command) dump(ctx context.Context) (*Dump, error) {
	if c.tunnel != nil {
		return c.remote(ctx)
	}
	p := program{
		name: Command,
		path: "/bin/sh",
		args: []string{"-c", c.config.Command},
		env:  os.Environ(),
		dir:  c.config.Dir,
		hide: c.config.Password,
	}
	taken := time.Now().UTC()
	child, err := p.start(ctx)
	if err != nil {
		return nil, err
	}
	return &Dump{SnapshotTime: taken, text: child, closers: []io.Closer{child}}, nil
}

func (c *command) remote(ctx context.Context) (*Dump, error) {
	session, err := c.tunnel.newSession(ctx)
	if err != nil {
		return nil, fmt.Errorf("run the source command: %w", err)
	}
	stderr := &tail{}
	session.Stderr = stderr
	stdout, err := session.StdoutPipe()
	if err == nil {
		err = session.Start(c.config.Command)
	}
	if err != nil {
		_ = session.Close()
		return nil, fmt.Errorf("run the source command on %s: %w", c.tunnel.name, err)
	}
	// A server may keep the session open until the command ends, which may ignore being asked to: so
	// the reader hangs on a pipe of our own, not on the session.
	out, in := io.Pipe()
	r := &remoteCommand{PipeReader: out, in: in, session: session}
	go func() {
		_, _ = io.Copy(in, stdout)
		_ = in.CloseWithError(c.remoteFailure(session.Wait(), stderr))
	}()
	r.stop = context.AfterFunc(ctx, func() { r.end(context.Cause(ctx)) })
	return &Dump{SnapshotTime: time.Now().UTC(), text: r, closers: []io.Closer{r}}, nil
}

// remoteFailure gives how a remote command ended: nil if well.
func (c *command) remoteFailure(err error, stderr *tail) error {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		status := fmt.Sprintf("exit status %d", exit.ExitStatus())
		if exit.Signal() != "" {
			status = "killed by signal " + exit.Signal()
		}
		return sourceError(Command, status, stderr, c.config.Password)
	}
	// Without an exit status nobody knows how the command ended.
	return failure("run the source command on "+c.tunnel.name, ErrConnectionLost, err)
}

// remoteCommand is a command that runs at the other end of an SSH connection. Reading it gives its
// failure instead of io.EOF.
type remoteCommand struct {
	*io.PipeReader
	in      *io.PipeWriter
	session *ssh.Session
	stop    func() bool
}

// end asks the server to kill the command, and hangs up: a command that does not heed the signal
// ends when it writes next.
func (r *remoteCommand) end(cause error) {
	_ = r.in.CloseWithError(cause)
	_ = r.session.Signal(ssh.SIGKILL)
	_ = r.session.Close()
}

func (r *remoteCommand) Close() error {
	r.stop()
	r.end(io.ErrClosedPipe)
	return nil
}

func (c *command) state(context.Context) (State, error) {
	return State{Doubt: "the source is a command, of which nothing is known"}, nil
}
