// Package silence ends waits for a server that no longer answers. A statement may take hours, so a connection has no time limit. But whoever
// has waited for long asks the server, over a second connection, what it is doing: as long as it answers there and shows the session at work,
// the wait goes on.
package silence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Default is how long a server may be silent unless its URL says otherwise.
const Default = time.Minute

// State is what a server does for a session.
type State int

// The states of a session.
const (
	// Working: a statement runs, or waits for something on the server.
	Working State = iota
	// Waiting: the server waits for us, or has sent what has not arrived.
	Waiting
	// Gone: the server has no such session.
	Gone
	// Unseen: the server answers, but nobody can see the session: there is no connection to spare, or the session has another number there.
	Unseen
)

// Session is a session of a server, seen through another one.
type Session interface {
	// Look asks what the server does for the session. It fails if the server gives no answer. A refusal is an answer: it comes with Unseen.
	Look(ctx context.Context) (State, error)
	// End ends the session.
	End(ctx context.Context) error
}

// Error means that a server, or the way to it, has fallen silent.
type Error struct {
	Server string // its address
	For    time.Duration
	// Answers means that the server answers others: only this connection is dead.
	Answers bool
	// Refusal is why the server lets nobody see what it does for this connection; nil if that is known.
	Refusal error
}

func (e *Error) Error() string {
	if e.Refusal != nil {
		return fmt.Sprintf("nothing has come over the connection to %s for %s, and a second one, to ask what the server does, was refused: %v", e.Server, e.For, e.Refusal)
	}
	if e.Answers {
		return fmt.Sprintf("nothing has come over the connection to %s for %s, while the server waits for us", e.Server, e.For)
	}
	return fmt.Sprintf("%s has not answered for %s", e.Server, e.For)
}

// Watch watches the connections to a server. It is safe for concurrent use.
type Watch struct {
	server string
	limit  time.Duration
	// unseen is how long nothing may come while the server lets nobody see what it does.
	unseen time.Duration
	// looking lets one look at a time reach the server: many connections may fall silent together.
	looking sync.Mutex
	found   atomic.Pointer[Error]
}

// New returns a watch for the connections to a server, which may be silent for so long; 0 stands for Default.
func New(server string, limit time.Duration) *Watch {
	if limit <= 0 {
		limit = Default
	}
	return &Watch{server: server, limit: limit, unseen: unseenLimits * limit}
}

// unseenLimits is how many limits a wait may take that nobody can see: a key of a large table takes long to make.
const unseenLimits = 10

// Impatient ends waits that nobody can see at the limit for others, too: for servers that are only read, whose rows come steadily.
func (w *Watch) Impatient() *Watch {
	w.unseen = w.limit
	return w
}

// Err returns the error of the first connection that fell silent; nil for none. Drivers may hide it behind an error of their own.
func (w *Watch) Err() error {
	if w == nil {
		return nil
	}
	if found := w.found.Load(); found != nil {
		return found
	}
	return nil
}

// Explain adds to a driver's error about a lost connection that it was lost because of a silence.
func (w *Watch) Explain(err error) error {
	var said *Error
	if silent := w.Err(); silent != nil && !errors.As(err, &said) {
		return fmt.Errorf("%w (%w)", silent, err)
	}
	return err
}

// wait is what is waited for from a server.
type wait struct {
	watch *Watch
	timer *time.Timer
	ctx   context.Context // ends with the wait
	end   context.CancelFunc
	lost  func(error) // ends what waits

	waiting atomic.Int32 // reads and writes in progress that the server must answer
	feeding atomic.Int32 // reads, elsewhere, of what is to be sent next
	moved   atomic.Int64 // when bytes moved last, or a wait began; Unix time in ns
	session atomic.Pointer[Session]
	misses  int // how often the server was asked in vain during this silence

	checking sync.Mutex // held while the server is asked, and while the session is ended
}

func (c *wait) begin(ctx context.Context, w *Watch, lost func(error)) {
	c.watch, c.lost = w, lost
	c.ctx, c.end = context.WithCancel(context.WithoutCancel(ctx))
	c.moved.Store(time.Now().UnixNano())
	c.timer = time.AfterFunc(w.limit/2, c.check)
}

func (c *wait) during(do func([]byte) (int, error), p []byte) (int, error) {
	if c.waiting.Add(1) == 1 {
		c.moved.Store(time.Now().UnixNano())
	}
	n, err := do(p)
	c.moved.Store(time.Now().UnixNano())
	c.waiting.Add(-1)
	return n, err
}

func (c *wait) stop() {
	c.end()
	c.timer.Stop()
}

// Conn is a connection that is closed when the server falls silent. Reads and writes then fail with *Error.
type Conn struct {
	net.Conn
	wait
}

// Watch begins to watch a connection. Until it is known which session the connection leads to, silence alone ends it.
func (w *Watch) Watch(ctx context.Context, conn net.Conn) *Conn {
	c := &Conn{Conn: conn}
	c.begin(ctx, w, func(error) { _ = c.Close() })
	return c
}

// Reader is what a program prints that has a session of its own on the server.
type Reader struct {
	io.Reader
	wait
}

// Reader begins to watch what a program prints. When the server falls silent, lost gets the *Error, and has to end the program. Close ends the
// watch alone.
func (w *Watch) Reader(ctx context.Context, output io.Reader, of Session, lost func(error)) *Reader {
	r := &Reader{Reader: output}
	r.session.Store(&of)
	r.begin(ctx, w, lost)
	return r
}

func (r *Reader) Read(p []byte) (int, error) { return r.during(r.Reader.Read, p) }

// Close ends the watch. It returns when no session is being ended any more: the next one could be taken for it.
func (r *Reader) Close() error {
	r.stop()
	r.checking.Lock()
	defer r.checking.Unlock()
	return nil
}

// Leads tells which session the connection leads to.
func (c *Conn) Leads(to Session) { c.session.Store(&to) }

func (c *Conn) Read(p []byte) (int, error)  { return c.watched(c.Conn.Read, p) }
func (c *Conn) Write(p []byte) (int, error) { return c.watched(c.Conn.Write, p) }

func (c *Conn) watched(do func([]byte) (int, error), p []byte) (int, error) {
	n, err := c.during(do, p)
	if err != nil && c.ctx.Err() != nil {
		if silent := c.watch.Err(); silent != nil {
			err = silent
		}
	}
	return n, err
}

// Feed wraps the reader of what is sent over the connection. While we wait for it, the server waits for us, and nothing is silent. A driver may
// read from the connection meanwhile, in case the server has something to say.
func (c *Conn) Feed(r io.Reader) io.Reader { return &feed{c, r} }

type feed struct {
	conn *Conn
	from io.Reader
}

func (f *feed) Read(p []byte) (int, error) {
	f.conn.feeding.Add(1)
	n, err := f.from.Read(p)
	f.conn.moved.Store(time.Now().UnixNano())
	f.conn.feeding.Add(-1)
	return n, err
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// check looks whether the server is silent. The first look comes after half of the limit, the second after three quarters, and each has a
// quarter of it.
func (c *wait) check() {
	c.checking.Lock()
	defer c.checking.Unlock()
	began := c.moved.Load()
	quiet, limit := time.Since(time.Unix(0, began)), c.watch.limit
	switch {
	case c.ctx.Err() != nil:
		return
	case c.waiting.Load() == 0, c.feeding.Load() > 0:
		c.again(limit/2, 0)
		return
	case quiet < limit/2:
		c.again(limit/2-quiet, 0)
		return
	}
	session := c.session.Load()
	if session == nil {
		if quiet < limit {
			c.again(limit-quiet, 0)
			return
		}
		c.fail(&Error{Server: c.watch.server, For: limit})
		return
	}
	state, err := c.look(*session)
	switch {
	case c.ctx.Err() != nil:
	case c.moved.Load() != began, err == nil && state == Working:
		c.again(limit/2, 0)
	case state == Unseen:
		c.checkUnseen(began, err)
	case c.misses == 0:
		c.again(limit*3/4-time.Since(time.Unix(0, began)), 1)
	case err != nil:
		c.fail(&Error{Server: c.watch.server, For: limit})
	default:
		c.fail(&Error{Server: c.watch.server, For: limit, Answers: true})
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), limit/4)
		defer cancel()
		_ = (*session).End(ctx)
	}
}

// checkUnseen ends a wait whose session nobody sees, if it takes too long. refusal is why nobody sees it; nil if the server does not know the
// session: behind a pooler it has another number.
func (c *wait) checkUnseen(began int64, refusal error) {
	limit := c.watch.limit
	most := c.watch.unseen
	if refusal == nil {
		most = unseenLimits * limit
	}
	quiet := time.Since(time.Unix(0, began))
	if quiet < most {
		c.again(min(limit/2, most-quiet), 0)
		return
	}
	c.fail(&Error{Server: c.watch.server, For: most, Answers: true, Refusal: refusal})
}

func (c *wait) look(session Session) (State, error) {
	c.watch.looking.Lock()
	defer c.watch.looking.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, c.watch.limit/4)
	defer cancel()
	return session.Look(ctx)
}

func (c *wait) again(after time.Duration, misses int) {
	c.misses = misses
	c.timer.Reset(max(after, 0))
}

func (c *wait) fail(err *Error) {
	c.watch.found.CompareAndSwap(nil, err)
	c.lost(err)
}
