// Package sshtunnel connects to servers through SSH. It follows ~/.ssh/config and always checks the host key.
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
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Tunnel is an SSH connection for reaching databases and running commands. It goes through the jump hosts that
// ~/.ssh/config names.
type Tunnel struct {
	Name    string // the host as the user wrote it
	client  *ssh.Client
	Clients []*ssh.Client // the whole chain, nearest host first
	done    chan struct{} // closed by Close
	cut     chan struct{} // closed when the connection has ended for any reason
	close   sync.Once
}

const (
	// sshTimeout limits the handshake and login on one host.
	sshTimeout = 30 * time.Second
	// keepAlive is both the interval between keepalive requests and how long each answer may take. It detects a dead
	// connection although transfers themselves have no time limit.
	keepAlive = 15 * time.Second
	// maxJumps stops a chain of jump hosts that leads back to itself.
	maxJumps = 8
)

// openTunnel connects to [user@]host[:port]. The host may be an alias from ~/.ssh/config.
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

// connect opens a connection to a host through the given jump hosts or, if jumps is nil, through those that are
// configured for it.
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
			before = nil // the first host follows its own ProxyJump
		}
		via, err := t.connect(ctx, jumps[last], before, settings)
		if errors.Is(err, source.ErrSSHConfig) {
			return nil, err // the error already names the host
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
		if kind := fault.Network(err); kind != fault.None && !errors.Is(err, kind) {
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

// login turns a connection into an authenticated SSH client.
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
	known := false // the host key has passed its check, so a later failure has another cause
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
	// Closing also interrupts a connection inside another SSH connection, which does not support deadlines.
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

// Dial opens a connection from the SSH host. Its signature is the one that database drivers expect.
func (t *Tunnel) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := t.open(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &deadlineConn{Conn: conn}, nil
}

// open is Dial without support for deadlines.
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

// PassesSignals reports whether the server is likely to pass on signals to commands. OpenSSH's does not to those of root.
func (t *Tunnel) PassesSignals() bool { return t.client.User() != "root" }

// whileUp returns a context that also ends when the SSH connection does. On a connection that has just broken,
// opening a channel could otherwise block forever.
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

// deadlineConn closes a connection when its deadline passes. SSH channels do not support deadlines, but drivers use
// them to cancel a query.
type deadlineConn struct {
	net.Conn
	mu    sync.Mutex
	timer *time.Timer
}

// SetDeadline closes the connection at t. The zero time removes the deadline.
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

// SetReadDeadline does the same as SetDeadline.
func (c *deadlineConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does the same as SetDeadline.
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

// keepAlive sends keepalive requests through the whole chain of hosts, and closes the tunnel when an answer is missing.
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

// ClassifyCut reports a dump client's failure as a lost SSH connection if the tunnel broke. The client itself often
// fails without naming that cause. It may also notice first, so ClassifyCut waits up to a second for the tunnel to end.
func (t *Tunnel) ClassifyCut(err error) error {
	select {
	case <-t.cut:
		return source.Failure("ssh connection to "+t.Name, source.ErrConnectionLost, err)
	case <-time.After(time.Second):
		return err
	}
}

// cutReader reads the output of a dump client that connects through a tunnel.
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

// Reader wraps a dump client's output so that its errors name a broken tunnel. The tunnel may be nil.
func (t *Tunnel) Reader(client io.Reader) io.Reader {
	if t == nil {
		return client
	}
	return cutReader{client, t}
}

// Close closes the SSH connection and everything that runs through it.
func (t *Tunnel) Close() error {
	t.close.Do(func() {
		close(t.done)
		for i := len(t.Clients) - 1; i >= 0; i-- {
			_ = t.Clients[i].Close()
		}
	})
	return nil
}

// Forward is a local listener. The SSH host forwards each of its connections to one address.
type Forward struct {
	Host string
	Port int

	listener net.Listener
	cancel   context.CancelFunc
	copies   sync.WaitGroup
}

// Endpoint is a network and an address, as the net package takes them.
type Endpoint struct{ Network, Address string }

// RemoteAddress returns where a database listens, as seen from the SSH host.
func RemoteAddress(url dburl.URL) Endpoint {
	switch {
	case url.IsSocket() && url.Engine == dburl.Postgres:
		return Endpoint{"unix", fmt.Sprintf("%s/.s.PGSQL.%d", url.Host, url.Port)}
	case url.IsSocket():
		return Endpoint{"unix", url.Host}
	}
	return Endpoint{"tcp", url.Address()}
}

// Forward opens a listener for a dump client, on a random port of the loopback interface. Close it with the dump.
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

// carry copies between a local connection and one from the SSH host until both directions have ended.
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
	// When one side stops sending, only that direction is closed, so that data in transit still arrives.
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

// Close closes the listener and its connections.
func (f *Forward) Close() error {
	f.cancel()
	err := f.listener.Close()
	f.copies.Wait()
	return err
}
