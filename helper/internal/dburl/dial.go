package dburl

import (
	"context"
	"net"
)

// Dial opens a connection, as net.Dialer does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// DialOneOf makes of a dial function one that takes the port alone from the address that it is given, and tries these in turn.
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
