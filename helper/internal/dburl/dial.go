package dburl

import (
	"context"
	"net"
)

// Dial opens a connection, as net.Dialer does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Dial returns the function that opens connections to the server below any protocol. It wraps dial, nil for the network's own. Where the
// addresses of the intended server are known, they are tried in turn, and only the port of the address that is asked for counts.
func (u URL) Dial(dial Dial) Dial {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	if u.Server == nil || len(u.Server.Addresses) == 0 {
		return dial
	}
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		for _, host := range u.Server.Addresses {
			if conn, err = dial(ctx, network, net.JoinHostPort(host, port)); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}
