package localdb

import (
	"context"
	"net"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// serverCheck makes sure that all connections lead to one and the same server, and to the one that is meant where that is known. A
// server may end at any time, and another one come to have its name, its address or its port.
type serverCheck struct {
	address string
	wanted  *dburl.Server // nil where any server is right

	mutex sync.Mutex
	first string // who answered the first time; "" before
}

// identity is what a server says of itself. It stays what it is when the server is started again.
type identity struct {
	hostname string // "" where it has not been asked for
	// further tells servers of one machine apart.
	further []string
}

func (i identity) String() string {
	all := i.further
	if i.hostname != "" {
		all = append([]string{"host " + i.hostname}, all...)
	}
	return strings.Join(all, ", ")
}

// check fails with *WrongServerError where it is another server that has just said who it is.
func (c *serverCheck) check(found identity) error {
	if c.wanted != nil && found.hostname != c.wanted.Hostname {
		return &WrongServerError{Server: c.address, Got: "host " + found.hostname, Want: "host " + c.wanted.Hostname}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.first == "" {
		c.first = found.String()
	}
	if found.String() != c.first {
		return &WrongServerError{Server: c.address, Got: found.String(), Want: c.first}
	}
	return nil
}

// cannotTell is the error for a server that does not say who it is.
func (c *serverCheck) cannotTell(err error) error {
	want := "the one that answered before"
	if c.wanted != nil {
		want = "host " + c.wanted.Hostname
	}
	return &WrongServerError{Server: c.address, Want: want, Err: err}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dialOneOf makes of a dial function one that takes the port alone from the address that it is given, and tries these in turn.
func dialOneOf(addresses []string, dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		for _, host := range addresses {
			if conn, err = dial(ctx, network, net.JoinHostPort(host, port)); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}
