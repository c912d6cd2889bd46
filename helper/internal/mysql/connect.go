package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// Options say how to connect to a server.
type Options struct {
	// Database is the one that sessions begin in; "" for none.
	Database string
	// Timeout bounds how long the server may take to let somebody in; 0 is no bound.
	Timeout time.Duration
	// Dial opens the connections below the protocol; nil for the network's own.
	Dial dburl.Dial
	// Wrap may put something between a connection and the driver; nil for nothing.
	Wrap func(context.Context, net.Conn) net.Conn
	// LongestPacket is how many bytes a packet to the server may have, whatever the server allows; 0 for the driver's default.
	LongestPacket int
	// Check knows which server is meant; nil if any server will do, even a different one each time.
	Check *oneserver.Check
	// Tries is how often to connect when another server answers: see Connector.
	Tries int
	// Silence watches the connections; nil if nobody does.
	Silence *silence.Watch
}

// Open returns a pool of connections to a server. It connects when somebody asks the pool for a connection.
func Open(u dburl.URL, options Options) (*sql.DB, error) {
	config := driver.NewConfig()
	config.User, config.Passwd, config.DBName = u.User, u.Password.Reveal(), options.Database
	config.Net, config.Addr = "tcp", u.Address()
	if u.IsSocket() {
		config.Net = "unix"
	}
	config.DialFunc = dial(u.Dial(options.Dial), options)
	config.Timeout = options.Timeout
	if options.LongestPacket > 0 {
		config.MaxAllowedPacket = options.LongestPacket
	}
	config.Logger = &driver.NopLogger{}
	config.ConnectionAttributes = "program_name:dump-helper"
	var err error
	if config.TLS, err = u.TLSConfig(); err != nil {
		return nil, err
	}
	config.AllowFallbackToPlaintext = u.Protection() == dburl.Opportunistic
	connector, err := driver.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u.Address(), err)
	}
	if options.Check == nil {
		return sql.OpenDB(connector), nil
	}
	return sql.OpenDB(&Connector{Connector: connector, Check: options.Check, Tries: options.Tries, Timeout: options.Timeout}), nil
}

// dial returns how the driver opens a connection.
func dial(below dburl.Dial, options Options) dburl.Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := below(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if watched, ok := ctx.Value(watchedBy{}).(**silence.Conn); ok && options.Silence != nil {
			*watched = options.Silence.Watch(ctx, conn)
			conn = *watched
		}
		if options.Wrap != nil {
			conn = options.Wrap(ctx, conn)
		}
		return conn, nil
	}
}
