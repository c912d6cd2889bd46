package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// commandName is how errors and Info call a command, whose text may hold secrets.
const commandName = "command"

// command is a source of which nothing is known but that it prints SQL.
type command struct {
	config Config
	tunnel *tunnel
}

func (c *command) inspect(context.Context) (Info, error) {
	if c.tunnel == nil && c.config.Dir != "" {
		if stat, err := os.Stat(c.config.Dir); err != nil || !stat.IsDir() {
			return Info{}, fmt.Errorf("run the source command: %s is not a folder", c.config.Dir)
		}
	}
	return Info{Client: commandName}, nil
}

func (c *command) dump(ctx context.Context) (*Dump, error) {
	if c.tunnel != nil {
		return c.remote(ctx)
	}
	p := program{
		name: commandName,
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
	session, err := c.tunnel.client.NewSession()
	if err != nil {
		return nil, failure("run the source command on "+c.tunnel.name, ErrConnectionLost, err)
	}
	r := &remoteCommand{command: c, ctx: ctx, session: session, stderr: &tail{}}
	session.Stderr = r.stderr
	if r.stdout, err = session.StdoutPipe(); err == nil {
		err = session.Start(c.config.Command)
	}
	if err != nil {
		_ = session.Close()
		return nil, fmt.Errorf("run the source command on %s: %w", c.tunnel.name, err)
	}
	r.stop = context.AfterFunc(ctx, r.end)
	return &Dump{SnapshotTime: time.Now().UTC(), text: r, closers: []io.Closer{r}}, nil
}

// remoteCommand is a command that runs at the other end of an SSH connection.
type remoteCommand struct {
	command *command
	ctx     context.Context
	session *ssh.Session
	stdout  io.Reader
	stderr  *tail
	stop    func() bool

	once sync.Once
	err  error
}

func (r *remoteCommand) Read(p []byte) (int, error) {
	n, err := r.stdout.Read(p)
	if err == nil || n > 0 {
		return n, nil
	}
	if failed := r.wait(); failed != nil {
		return 0, failed
	}
	return 0, err
}

func (r *remoteCommand) wait() error {
	r.once.Do(func() {
		err := r.session.Wait()
		var exit *ssh.ExitError
		switch {
		case r.ctx.Err() != nil:
			r.err = context.Cause(r.ctx)
		case err == nil:
		case errors.As(err, &exit):
			status := fmt.Sprintf("exit status %d", exit.ExitStatus())
			if exit.Signal() != "" {
				status = "killed by signal " + exit.Signal()
			}
			r.err = sourceError(commandName, status, r.stderr, r.command.config.Password)
		default:
			// Without an exit status nobody knows how the command ended.
			r.err = failure("run the source command on "+r.command.tunnel.name, ErrConnectionLost, err)
		}
	})
	return r.err
}

// end asks the server to kill the command, and hangs up: a command that does not heed the signal
// ends when it writes next.
func (r *remoteCommand) end() {
	_ = r.session.Signal(ssh.SIGKILL)
	_ = r.session.Close()
}

func (r *remoteCommand) Close() error {
	r.stop()
	r.end()
	return nil
}
