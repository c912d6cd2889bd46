package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sshtunnel"
)

// Command stands for the command in ClientError and Info. Its real text may contain secrets.
const Command = "command"

// Source is a command that prints SQL. Nothing else is known about it.
type Source struct {
	config source.Config
	tunnel *sshtunnel.Tunnel
}

// New creates a source from a command. A nil tunnel means that the command runs on this machine.
func New(config source.Config, tunnel *sshtunnel.Tunnel) *Source {
	return &Source{config: config, tunnel: tunnel}
}

// Inspect checks the command's folder. It cannot tell what the command will print.
func (c *Source) Inspect(context.Context) (source.Info, error) {
	if c.tunnel == nil && c.config.Dir != "" {
		if stat, err := os.Stat(c.config.Dir); err != nil || !stat.IsDir() {
			return source.Info{}, fmt.Errorf("run the source command: %s is not a folder", c.config.Dir)
		}
	}
	return source.Info{Client: Command}, nil
}

// Dump runs the command.
func (c *Source) Dump(ctx context.Context) (*source.Dump, error) {
	if c.tunnel != nil {
		return c.remote(ctx)
	}
	environment := c.config.Environment
	if environment == nil {
		environment = Environment(os.Environ(), nil)
	}
	p := Program{
		Name: Command,
		Path: "/bin/sh",
		Args: []string{"-c", c.config.Command},
		Env:  environment,
		dir:  c.config.Dir,
		Hide: c.config.Password,
	}
	taken := time.Now().UTC()
	ctx, cancel := context.WithCancelCause(ctx)
	child, err := p.Start(ctx)
	if err != nil {
		cancel(err)
		return nil, err
	}
	return c.dump(child, taken, cancel), nil
}

func (c *Source) remote(ctx context.Context) (*source.Dump, error) {
	session, err := c.tunnel.NewSession(ctx)
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
		return nil, fmt.Errorf("run the source command on %s: %w", c.tunnel.Name, err)
	}
	// The server may keep the session open until the command ends, and the command may ignore the signal to end.
	// Readers therefore use a pipe that can be closed at any time.
	ctx, cancel := context.WithCancelCause(ctx)
	out, in := io.Pipe()
	r := &remoteCommand{PipeReader: out, in: in, tunnel: c.tunnel, session: session, ended: make(chan struct{}), goodbye: context.WithoutCancel(ctx)}
	go func() {
		_, _ = io.Copy(in, stdout)
		_ = in.CloseWithError(c.remoteFailure(session.Wait(), stderr))
		close(r.ended)
	}()
	r.stop = context.AfterFunc(ctx, func() { r.end(context.Cause(ctx)) })
	return c.dump(r, time.Now().UTC(), cancel), nil
}

// dump makes a dump of what a command prints; cancel ends the command with a cause.
func (c *Source) dump(output io.ReadCloser, taken time.Time, cancel context.CancelCauseFunc) *source.Dump {
	limit := cmp.Or(c.config.CommandSilence, source.DefaultCommandSilence)
	end := source.Closing(func() { cancel(context.Canceled) })
	return &source.Dump{SnapshotTime: taken, Text: &quiet{output, limit, cancel}, Closers: []io.Closer{output, end}}
}

// remoteFailure turns the end of a remote command into an error, nil if the command succeeded.
func (c *Source) remoteFailure(err error, stderr *tail) error {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		status := fmt.Sprintf("exit status %d", exit.ExitStatus())
		if exit.Signal() != "" {
			status = "killed by signal " + exit.Signal()
		}
		return clientError(Command, status, stderr, c.config.Password)
	}
	// Without an exit status the command may or may not have succeeded.
	return source.Failure("run the source command on "+c.tunnel.Name, source.ErrConnectionLost, err)
}

// State reports doubt: a command can print anything.
func (c *Source) State(context.Context) (source.State, error) {
	return source.State{Doubt: "the source is a command, and its output is not known before it runs"}, nil
}
