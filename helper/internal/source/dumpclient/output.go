package dumpclient

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
)

// Output is what a dump client prints. A client that gets no connection is started again for a moment: an account may have a single one, and
// a server counts the one that we have just closed until it notices.
type Output struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	program command.Program
	watch   *silence.Reader

	begun bool // something has been read, or the client has ended

	mutex  sync.Mutex // guards child, which Close may end during a Read
	child  *command.Child
	closed bool
}

// Start starts a dump client. While it prints nothing, watch asks what the server does for its session. If the server is silent, the client is
// ended with the error that lost makes of the watch's.
func Start(ctx context.Context, program command.Program, watch *silence.Watch, session silence.Session, lost func(error) error) (*Output, error) {
	o := &Output{program: program}
	o.ctx, o.cancel = context.WithCancelCause(ctx)
	if err := o.start(); err != nil {
		o.cancel(err)
		return nil, err
	}
	o.watch = watch.Reader(ctx, readerFunc(o.read), session, func(err error) { o.cancel(lost(err)) })
	return o, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (o *Output) start() error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.closed {
		return io.ErrClosedPipe
	}
	child, err := o.program.Start(o.ctx)
	if err == nil {
		o.child = child
	}
	return err
}

// Read reads what the client prints. It returns io.EOF only if the client succeeded.
func (o *Output) Read(p []byte) (int, error) { return o.watch.Read(p) }

func (o *Output) read(p []byte) (n int, err error) {
	if o.begun {
		return o.child.Read(p)
	}
	o.begun = true
	again := false
	err = source.ConnectFirst(o.ctx, isFull, func() error {
		if again {
			_ = o.child.Close()
			if err := o.start(); err != nil {
				return err
			}
		}
		again = true
		var err error
		n, err = o.child.Read(p)
		return err
	})
	return n, err
}

func isFull(err error, kind fault.Kind) bool { return errors.Is(err, kind) }

// PID returns the ID of the client's process, which is also that of its process group.
func (o *Output) PID() int {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.child.PID()
}

// Close kills the client if it still runs, and waits for it.
func (o *Output) Close() error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.closed = true
	_ = o.watch.Close()
	err := o.child.Close()
	o.cancel(context.Canceled)
	return err
}
