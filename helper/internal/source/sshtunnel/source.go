package sshtunnel

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// OpenSource opens a source, through a tunnel if the configuration names an SSH host. The function server creates the
// reader; its tunnel is nil for a direct connection.
func OpenSource(ctx context.Context, config source.Config, server func(source.Config, *Tunnel) source.Server) (*source.Source, error) {
	if config.Note == nil {
		config.Note = func(string) {}
	}
	if config.URL != nil && !config.URL.Password.IsSet() {
		url := *config.URL
		url.Password = config.Password
		config.URL = &url
	}
	if config.SSH == "" {
		return source.New(ctx, config.Note, server(config, nil), nil)
	}
	opened, err := openTunnel(ctx, config.SSH, userSSHSettings(config.Note))
	if err != nil {
		return nil, err
	}
	return source.New(ctx, config.Note, server(config, opened), opened)
}
