package read

import (
	"runtime"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// serverLimits is what a MySQL server says about its connections. The counts include the connection that asks.
type serverLimits struct {
	maxConnections int // 0 if unknown
	connected      int // of all accounts: Threads_connected
	maxUser        int // the account's max_user_connections, 0 if it has none
	own            int // the account's connections
}

// connectionsFor returns how many connections read rows: as many as are wanted, or, if that is 0, as this machine can
// use. They are at most a share of the server's free connections and at most as many as the account may have, but at
// least one.
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
