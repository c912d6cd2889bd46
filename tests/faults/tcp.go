package faults

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// TCP is a proxy for any protocol on TCP.
type TCP struct {
	listener net.Listener
	server   string
	ctx      context.Context // ends with the proxy
	cancel   context.CancelFunc

	mutex    sync.Mutex
	up, down Damage
	refusing bool
	open     map[net.Conn]bool

	connections, sent, received atomic.Int64
}

// Count is what has passed through a proxy.
type Count struct {
	Connections int64
	Up, Down    int64 // bytes to the server and from it
}

// NewTCP starts a proxy in front of a server, at its host and port.
func NewTCP(server string) (*TCP, error) { return ListenTCP("127.0.0.1:0", server) }

// ListenTCP does the same at an address.
func ListenTCP(address, server string) (*TCP, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	p := &TCP{listener: listener, server: server, open: map[net.Conn]bool{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	go p.accept()
	return p, nil
}

// Address is where the proxy listens.
func (p *TCP) Address() string { return p.listener.Addr().String() }

// Damage sets what is done to connections from now on: to what goes up to the server, and to what comes down. Either may be nil.
func (p *TCP) Damage(up, down Damage) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.up, p.down = up, down
}

// Refuse makes the proxy close each new connection at once, as if the server were gone.
func (p *TCP) Refuse(yes bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.refusing = yes
}

// Break cuts all open connections.
func (p *TCP) Break() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for conn := range p.open {
		reset(conn)
	}
}

// Count returns what has passed so far.
func (p *TCP) Count() Count {
	return Count{p.connections.Load(), p.sent.Load(), p.received.Load()}
}

// Close ends the proxy and all its connections.
func (p *TCP) Close() {
	p.cancel()
	_ = p.listener.Close()
	p.Break()
}

func (p *TCP) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.connections.Add(1)
		p.mutex.Lock()
		up, down, refusing := p.up, p.down, p.refusing
		p.mutex.Unlock()
		if refusing {
			reset(client)
			continue
		}
		go p.serve(client, up, down)
	}
}

func (p *TCP) serve(client net.Conn, up, down Damage) {
	server, err := (&net.Dialer{}).DialContext(p.ctx, "tcp", p.server)
	if err != nil {
		reset(client)
		return
	}
	p.mutex.Lock()
	p.open[client], p.open[server] = true, true
	p.mutex.Unlock()
	ctx, end := context.WithCancel(p.ctx)
	var both sync.WaitGroup
	pass := func(to, from net.Conn, damage Damage, count *atomic.Int64) {
		defer end() // what stalls ends when the other side has gone
		_, err := io.Copy(counting{to, count}, damage.done(ctx, from))
		if err != nil {
			reset(to)
			reset(from)
			return
		}
		_ = to.(*net.TCPConn).CloseWrite()
	}
	both.Go(func() { pass(server, client, up, &p.sent) })
	both.Go(func() { pass(client, server, down, &p.received) })
	both.Wait()
	p.mutex.Lock()
	delete(p.open, client)
	delete(p.open, server)
	p.mutex.Unlock()
	_, _ = client.Close(), server.Close()
}

// counting counts what is written.
type counting struct {
	io.Writer
	count *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.count.Add(int64(n))
	return n, err
}

// reset closes a connection so that the other side sees that it broke.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}
