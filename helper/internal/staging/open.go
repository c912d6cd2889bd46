package staging

import (
	"context"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// Open reaches the source and checks that it can be dumped: access, privileges, a fitting client.
// The errors that a user can act on are those of errors.go.
func Open(ctx context.Context, config Config) (*Source, error) {
	if config.Command == "" && config.URL == nil {
		return nil, fmt.Errorf("open the source: neither a URL nor a command is given")
	}
	return openThrough(ctx, config, func(config Config, through *tunnel) Server {
		switch {
		case config.Command != "":
			return newCommand(config, through)
		case config.URL.Engine == dburl.Postgres:
			return newPostgres(config, through)
		}
		return newMySQL(config, through)
	})
}
