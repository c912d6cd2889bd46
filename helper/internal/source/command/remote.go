package command

import (
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/jobiqo/dump-refresh/helper/internal/source/sshtunnel"
)

// remoteCommand is a command that runs on the SSH host. Read returns the command's failure instead of io.EOF.
type remoteCommand struct {
	*io.PipeReader
	in      *io.PipeWriter
	tunnel  *sshtunnel.Tunnel
	session *ssh.Session
	ended   chan struct{} // closed when the command has ended, or the connection
	ending  sync.Once
	stop    func() bool
	goodbye context.Context // outlives the command's own
}

// end has the server kill the command, and closes the session.
func (r *remoteCommand) end(cause error) {
	_ = r.in.CloseWithError(cause)
	r.ending.Do(func() {
		_ = r.session.Signal(ssh.SIGKILL)
		if !r.tunnel.PassesSignals() {
			r.kill()
		}
		_ = r.session.Close()
	})
}

func (r *remoteCommand) Close() error {
	r.stop()
	r.end(io.ErrClosedPipe)
	return nil
}

// signalPatience is how long a killed command may take to end, killPatience how long it may take to kill one.
const signalPatience, killPatience = time.Second, 10 * time.Second

// killOthers kills what else this SSH connection runs: the groups of those processes that the same server process has started. A command that
// prints nothing would never notice that its session is closed.
const killOthers = `exec sh -c 'ps -A -o pid= -o ppid= -o pgid= | while read pid parent group; do [ "$parent" = "$PPID" ] && [ "$pid" != $$ ] && kill -9 -"$group"; done'`

// kill kills the command through another session, if it is still there.
func (r *remoteCommand) kill() {
	select {
	case <-r.ended:
		return
	case <-time.After(signalPatience):
	}
	ctx, cancel := context.WithTimeout(r.goodbye, killPatience)
	defer cancel()
	session, err := r.tunnel.NewSession(ctx)
	if err != nil {
		return // the connection is lost
	}
	defer context.AfterFunc(ctx, func() { _ = session.Close() })()
	_ = session.Run(killOthers) // a server without ps is left alone
	_ = session.Close()
}
