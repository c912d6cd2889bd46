package mysql

import (
	"database/sql"
	"fmt"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
)

// Options say how to connect to a server.
type Options struct {
	// Database is the one that sessions begin in; "" for none.
	Database string
	// Timeout bounds how long the server may take to let somebody in.
	Timeout time.Duration
	// Dial opens the connections below the protocol; nil for the network's own.
	Dial dburl.Dial
	// LongestPacket is how many bytes a packet to the server may have, whatever the server allows; 0 for the driver's default.
	LongestPacket int
	// Check knows which server is meant; nil if any server will do, even a different one each time.
	Check *oneserver.Check
	// Tries is how often to connect when another server answers: see Connector.
	Tries int
}

// Open returns a pool of connections to a server. It connects when somebody asks the pool for a connection.
func Open(u dburl.URL, options Options) (*sql.DB, error) {
	config := driver.NewConfig()
	config.User, config.Passwd, config.DBName = u.User, u.Password.Reveal(), options.Database
	config.Net, config.Addr = "tcp", u.Address()
	if u.IsSocket() {
		config.Net = "unix"
	}
	config.DialFunc = u.Dial(options.Dial)
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
	return sql.OpenDB(&Connector{Connector: connector, Check: options.Check, Tries: options.Tries}), nil
}
