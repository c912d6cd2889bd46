package read

import (
	"context"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sshtunnel"
)

func TestMain(m *testing.M) {
	sourcetest.Run(m, func(ctx context.Context, config source.Config) (*source.Source, error) {
		return sshtunnel.OpenSource(ctx, config, func(config source.Config, tunnel *sshtunnel.Tunnel) source.Server { return New(config, tunnel) })
	})
}
