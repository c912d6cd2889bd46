package target

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
)

// MaxSessions limits how many sessions a load opens. Development servers have few cores, and many more sessions than
// cores gain nothing.
const MaxSessions = 4

// DeadlockTries is how often a statement is tried when the server rolls it back because of a deadlock.
const DeadlockTries = 10

// ConnectionPatience is how long to wait for a connection while others have all those of the local server. A test shortens it.
var ConnectionPatience = 15 * time.Second

// ConnectFirst opens a connection while we have no other one, on a server that may have none left for a while. is tests an engine's error for a kind.
func ConnectFirst(ctx context.Context, note func(string), is func(error, fault.Kind) bool, connect func() error) error {
	return fault.WhileFull(ctx, ConnectionPatience, is, func() { note("the local server has no connection left; waiting for one") }, connect)
}
