package engine

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	mysqlswap "github.com/jobiqo/dump-refresh/helper/internal/mysql/swap"
	postgresswap "github.com/jobiqo/dump-refresh/helper/internal/postgres/swap"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// OpenTarget connects to the server. It fails with *target.UnreachableError, *target.AuthError or
// *target.PrivilegeError, and with *target.ForeignKeyError if the configured part of the database cannot be replaced.
func OpenTarget(ctx context.Context, config target.Config) (target.Database, error) {
	if config.URL.Engine == dburl.Postgres {
		return postgresswap.Open(ctx, config)
	}
	return mysqlswap.Open(ctx, config)
}
