// Package sshtunnel reaches servers through SSH, as ~/.ssh/config asks for it, and never without checking the host key.
package sshtunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Tunnel is an SSH connection, through jump hosts where ~/.ssh/config asks for them, by which
// databases are reached and commands are run.
type Tunnel struct {
	Name    string // as the user calls the host
	client  *ssh.Client
	Clients []*ssh.Client // all of the chain, the nearest first
	done    chan struct{} // closed by Close
	cut     chan struct{} // closed when the connection has ended, however that came
	close   sync.Once
}

const (
	// sshTimeout bounds how long one host may take to let us in.
	sshTimeout = 30 * time.Second
	// Every keepAlive a sign of life is asked for; a connection without one for as long is given up.
	// A dead line is so noticed although nothing has a fixed time.
	keepAlive = 15 * time.Second
	// maxJumps ends chains of jump hosts that refer to one another.
	maxJumps = 8
)

// openTunnel connects to [user@]host[:port], where host may be a name of ~/.ssh/config.
func openTunnel(ctx context.Context, to string, settings *sshSettings) (*Tunnel, error) {
	t := &Tunnel{Name: to, done: make(chan struct{}), cut: make(chan struct{})}
	client, err := t.connect(ctx, to, nil, settings)
	if err != nil {
		_ = t.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		err = fmt.Errorf("connect to %s by ssh: %w", to, err)
		if errors.Is(err, source.ErrUnreachable) {
			return nil, &source.SSHUnreachableError{Host: to, Cause: err}
		}
		return nil, err
	}
	t.client = client
	go t.keepAlive()
	go func() {
		_ = client.Wait()
		close(t.cut)
	}()
	return t, nil
}

// connect opens a connection to a host by way of jumps or, if there are none, of the jump hosts that
// are configured for it.
func (t *Tunnel) connect(ctx context.Context, to string, jumps []string, settings *sshSettings) (*ssh.Client, error) {
	if len(t.Clients) >= maxJumps {
		return nil, fmt.Errorf("%w: more than %d jump hosts in a row", source.ErrSSHConfig, maxJumps)
	}
	host, err := settings.host(to)
	if err != nil {
		return nil, err
	}
	if jumps == nil {
		jumps = host.jumps
		if settings.depth++; settings.depth > maxJumps {
			return nil, fmt.Errorf("%w: the jump hosts of %s lead in a circle", source.ErrSSHConfig, to)
		}
	}
	dial := (&net.Dialer{Timeout: source.ConnectTimeout}).DialContext
	if last := len(jumps) - 1; last >= 0 {
		before := jumps[:last]
		if last == 0 {
			before = nil // the first host's own configuration counts
		}
		via, err := t.connect(ctx, jumps[last], before, settings)
		if errors.Is(err, source.ErrSSHConfig) {
			return nil, err // it names the host itself
		}
		if err != nil {
			return nil, fmt.Errorf("jump host %s: %w", jumps[last], err)
		}
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialThrough(ctx, via, jumps[last], network, address)
		}
	}
	conn, err := dial(ctx, "tcp", host.address())
	if err != nil {
		if kind := source.ConnectError(err); kind != nil && !errors.Is(err, kind) {
			err = fmt.Errorf("%w: %w", kind, err)
		}
		return nil, err
	}
	client, err := host.login(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	t.Clients = append(t.Clients, client)
	return client, nil
}

// login makes an SSH client of a connection.
func (h *sshHost) login(ctx context.Context, conn net.Conn) (*ssh.Client, error) {
	signers, err := h.signers(ctx)
	if err != nil {
		return nil, err
	}
	defer signers.close()
	check, algorithms, err := h.hostKeys()
	if err != nil {
		return nil, err
	}
	known := false // the host key is the right one: what fails after that is something else
	config := &ssh.ClientConfig{
		User: h.user,
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(signers.all)},
		HostKeyCallback: func(name string, remote net.Addr, key ssh.PublicKey) error {
			err := check(name, remote, key)
			known = err == nil
			return err
		},
		HostKeyAlgorithms: algorithms,
	}
	// Where the connection is a channel of another, it knows no deadlines: closing works for all.
	within, cancel := context.WithTimeout(ctx, sshTimeout)
	defer cancel()
	stop := context.AfterFunc(within, func() { _ = conn.Close() })
	defer stop()
	sshConn, channels, requests, err := ssh.NewClientConn(conn, h.knownAs(), config)
	switch {
	case err == nil:
		return ssh.NewClient(sshConn, channels, requests), nil
	case within.Err() != nil:
		return nil, fmt.Errorf("%w: no answer in %s", source.ErrUnreachable, sshTimeout)
	case known && strings.Contains(err.Error(), "unable to authenticate"),
		known && strings.Contains(err.Error(), "Too many authentication failures"):
		return nil, signers.refused(h)
	}
	var changed *source.HostKeyChangedError
	var unknown *source.HostKeyUnknownError
	switch {
	case errors.As(err, &changed):
		return nil, changed
	case errors.As(err, &unknown):
		return nil, unknown
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return nil, fmt.Errorf("%w: %s hung up", source.ErrUnreachable, h.address())
	}
	return nil, err
}

// Dial opens a connection from the SSH host. It has the form that database drivers want.
func (t *Tunnel) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := t.open(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &deadlineConn{Conn: conn}, nil
}

// open is dial without deadlines.
func (t *Tunnel) open(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, stop := t.whileUp(ctx)
	defer stop()
	return dialThrough(ctx, t.client, t.Name, network, address)
}

// NewSession opens a session for a command.
func (t *Tunnel) NewSession(ctx context.Context) (*ssh.Session, error) {
	ctx, stop := t.whileUp(ctx)
	defer stop()
	type result struct {
		session *ssh.Session
		err     error
	}
	opened := make(chan result, 1)
	go func() {
		session, err := t.client.NewSession()
		opened <- result{session, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, source.Failure("ssh connection to "+t.Name, source.ErrConnectionLost, r.err)
		}
		return r.session, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// whileUp gives a context that ends with the connection too: on one that has just broken, asking for
// a channel may wait for ever.
func (t *Tunnel) whileUp(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-t.cut:
			cancel(fmt.Errorf("ssh connection to %s: %w", t.Name, source.ErrConnectionLost))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// deadlineConn closes a connection at its deadline. Channels of SSH know none, and drivers end a
// cancelled query by one.
type deadlineConn struct {
	net.Conn
	mu    sync.Mutex
	timer *time.Timer
}

// SetDeadline closes the connection at t; the zero time takes that back.
func (c *deadlineConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if !t.IsZero() {
		c.timer = time.AfterFunc(time.Until(t), func() { _ = c.Close() })
	}
	return nil
}

// SetReadDeadline does as SetDeadline does.
func (c *deadlineConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does as SetDeadline does.
func (c *deadlineConn) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }

func dialThrough(ctx context.Context, client *ssh.Client, name, network, address string) (net.Conn, error) {
	within, cancel := context.WithTimeout(ctx, source.ConnectTimeout)
	defer cancel()
	conn, err := client.DialContext(within, network, address)
	if err == nil {
		return conn, nil
	}
	var refused *ssh.OpenChannelError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &refused) && refused.Reason == ssh.Prohibited:
		return nil, fmt.Errorf("%s, seen from %s: %w: %s", address, name, source.ErrForwardingDenied, refused.Message)
	case errors.As(err, &refused):
		return nil, fmt.Errorf("%s, seen from %s: %w: %s", address, name, source.ErrUnreachable, refused.Message)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s, seen from %s: %w: no answer in %s", address, name, source.ErrUnreachable, source.ConnectTimeout)
	}
	return nil, source.Failure("ssh connection to "+name, source.ErrConnectionLost, err)
}

// keepAlive asks every host of the chain for signs of life, and hangs up when one gives none.
func (t *Tunnel) keepAlive() {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-t.done:
			return
		case <-tick.C:
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := t.client.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		select {
		case <-t.done:
			return
		case err := <-answered:
			if err == nil {
				continue
			}
		case <-time.After(keepAlive):
		}
		_ = t.Close()
		return
	}
}

// ClassifyCut adds to a client's failure that the connection which it used broke: of that it knows
// little, and some of its ways to fail at it are silent. Where the client may have noticed before we
// have, it waits a moment for the same news.
func (t *Tunnel) ClassifyCut(err error) error {
	select {
	case <-t.cut:
		return source.Failure("ssh connection to "+t.Name, source.ErrConnectionLost, err)
	case <-time.After(time.Second):
		return err
	}
}

// cutReader reads what a client prints that works through a tunnel.
type cutReader struct {
	client io.Reader
	tunnel *Tunnel
}

func (r cutReader) Read(p []byte) (int, error) {
	n, err := r.client.Read(p)
	var failed *source.ClientError
	if errors.As(err, &failed) && (failed.Reason == nil || errors.Is(failed.Reason, source.ErrConnectionLost)) {
		err = r.tunnel.ClassifyCut(err)
	}
	return n, err
}

// Reader is what a client prints, read so that a cut tunnel is named. The tunnel may be nil.
func (t *Tunnel) Reader(client io.Reader) io.Reader {
	if t == nil {
		return client
	}
	return cutReader{client, t}
}

// Close ends the connection and everything that goes through it.
func (t *Tunnel) Close() error {
	t.close.Do(func() {
		close(t.done)
		for i := len(t.Clients) - 1; i >= 0; i-- {
			_ = t.Clients[i].Close()
		}
	})
	return nil
}

// Forward is a listener on this machine whose connections lead to an address seen from the SSH host.
type Forward struct {
	Host string
	Port int

	listener net.Listener
	cancel   context.CancelFunc
	copies   sync.WaitGroup
}

// Endpoint is an address of the net package.
type Endpoint struct{ Network, Address string }

// RemoteAddress is where a database listens, seen from the SSH host.
func RemoteAddress(url dburl.URL) Endpoint {
	switch {
	case url.IsSocket() && url.Engine == dburl.Postgres:
		return Endpoint{"unix", fmt.Sprintf("%s/.s.PGSQL.%d", url.Host, url.Port)}
	case url.IsSocket():
		return Endpoint{"unix", url.Host}
	}
	return Endpoint{"tcp", url.Address()}
}

// Forward opens a listener for a dump client, on the loopback interface and a random port. It is
// closed with the dump.
func (t *Tunnel) Forward(ctx context.Context, to Endpoint) (*Forward, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the dump client: %w", err)
	}
	address := listener.Addr().(*net.TCPAddr)
	f := &Forward{Host: address.IP.String(), Port: address.Port, listener: listener}
	ctx, f.cancel = context.WithCancel(ctx)
	f.copies.Add(1)
	go func() {
		defer f.copies.Done()
		for {
			local, err := listener.Accept()
			if err != nil {
				return
			}
			f.copies.Add(1)
			go func() {
				defer f.copies.Done()
				t.carry(ctx, local, to)
			}()
		}
	}()
	return f, nil
}

// carry copies between a local connection and one from the SSH host until either ends.
func (t *Tunnel) carry(ctx context.Context, local net.Conn, to Endpoint) {
	defer local.Close()
	remote, err := t.open(ctx, to.Network, to.Address)
	if err != nil {
		return
	}
	defer remote.Close()
	stop := context.AfterFunc(ctx, func() {
		_ = local.Close()
		_ = remote.Close()
	})
	defer stop()
	// Each end is told of the other's end, so that what is under way still arrives.
	var copies sync.WaitGroup
	for _, pair := range [][2]net.Conn{{local, remote}, {remote, local}} {
		copies.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			if half, ok := pair[0].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		})
	}
	copies.Wait()
}

// Close ends the listener and its connections.
func (f *Forward) Close() error {
	f.cancel()
	err := f.listener.Close()
	f.copies.Wait()
	return err
}
