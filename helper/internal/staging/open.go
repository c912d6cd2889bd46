package staging

import (
	"context"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// Open reaches the source and checks that it can be dumped: access, privileges, a fitting client.
// The errors that a user can act on are those of errors.go.
func Open(ctx context.Context, config Config) (*Source, error) {
	if config.Note == nil {
		config.Note = func(string) {}
	}
	if config.Command == "" && config.URL == nil {
		return nil, fmt.Errorf("open the source: neither a URL nor a command is given")
	}
	if config.URL != nil && !config.URL.Password.IsSet() {
		url := *config.URL
		url.Password = config.Password
		config.URL = &url
	}
	var tunnel *tunnel
	var closer io.Closer
	if config.SSH != "" {
		var err error
		if tunnel, err = openTunnel(ctx, config.SSH, userSSHSettings(config.Note)); err != nil {
			return nil, err
		}
		closer = tunnel
	}
	var server Server
	switch {
	case config.Command != "":
		server = newCommand(config, tunnel)
	case config.URL.Engine == dburl.Postgres:
		server = newPostgres(config, tunnel)
	default:
		server = newMySQL(config, tunnel)
	}
	return newSource(ctx, config.Note, server, closer)
}
