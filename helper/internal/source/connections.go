package source

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
)

// ServerShare limits a dump to one in ServerShare of the server's free connections.
const ServerShare = 4

// UsefulReaders returns how many connections make sense on a machine: on hardly any server are more than four faster.
func UsefulReaders(cpus int) int { return min(max(2, cpus+1), 4) }

// ClosingTime is how long a busy server may take to notice that we have closed a connection. Tests lengthen it.
var ClosingTime = time.Second

// ConnectFirst opens a connection while we have no other one. An account may have a single connection, and the server counts one that we have
// just closed until it notices. is tests an engine's error for a kind.
func ConnectFirst(ctx context.Context, is func(error, fault.Kind) bool, connect func() error) error {
	return fault.WhileFull(ctx, ClosingTime, is, func() {}, connect)
}
