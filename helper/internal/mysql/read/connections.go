package read

import (
	"runtime"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// serverLimits is what a MySQL server says of its connections. The counts hold the one that asks, which the answer
// holds, too.
type serverLimits struct {
	maxConnections int // 0 where it is not known
	connected      int // of all accounts: Threads_connected
	maxUser        int // the account's max_user_connections, 0 if it has none
	own            int // the account's connections
}

// connectionsFor gives how many connections read rows: as many as are wanted, or as this machine has use for, where
// that is 0; but no more than a share of what the server has free, and than the account may have; at least one.
func connectionsFor(wanted int, limits serverLimits) int {
	if wanted <= 0 {
		wanted = source.UsefulReaders(runtime.NumCPU())
	}
	if limits.maxConnections > 0 {
		wanted = min(wanted, (limits.maxConnections-limits.connected+1)/source.ServerShare)
	}
	if limits.maxUser > 0 {
		wanted = min(wanted, limits.maxUser-limits.own+1)
	}
	return max(1, wanted)
}
