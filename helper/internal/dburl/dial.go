package dburl

import (
	"context"
	"net"
)

// Dial opens a connection, as net.Dialer does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// DialOneOf wraps a dial function: it takes only the port from the address that it gets, and tries the given addresses in turn.
func DialOneOf(addresses []string, dial Dial) Dial {
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
