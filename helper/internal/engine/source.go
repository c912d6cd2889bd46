// Package engine is the only switch over engines: it opens a source or a target by its URL.
package engine

import (
	"context"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	mysqlread "github.com/jobiqo/dump-refresh/helper/internal/mysql/read"
	postgresread "github.com/jobiqo/dump-refresh/helper/internal/postgres/read"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sshtunnel"
)

// OpenSource reaches the source and checks that it can be dumped: access, privileges, and a suitable client. The
// errors that a user can act on are those of package source.
func OpenSource(ctx context.Context, config source.Config) (*source.Source, error) {
	if config.Command == "" && config.URL == nil {
		return nil, fmt.Errorf("open the source: neither a URL nor a command is given")
	}
	if config.Masks.Mask() && (config.Command != "" || config.Client) {
		return nil, fmt.Errorf("open the source: %w", source.ErrRowsUnseen)
	}
	if config.Command != "" {
		if err := rowfilter.Unfiltered(config.Rows, "to the output of a command"); err != nil {
			return nil, err
		}
	}
	if config.Client {
		if err := rowfilter.Unfiltered(config.Rows, "with --engine=client"); err != nil {
			return nil, err
		}
	}
	return sshtunnel.OpenSource(ctx, config, func(config source.Config, through *sshtunnel.Tunnel) source.Server {
		switch {
		case config.Command != "":
			return command.New(config, through)
		case config.URL.Engine == dburl.Postgres:
			return postgresread.New(config, through)
		}
		return mysqlread.New(config, through)
	})
}
