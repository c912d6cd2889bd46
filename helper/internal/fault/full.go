package fault

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
)

// fullPause is the wait before a server that has no connection left is asked again.
const fullPause = 50 * time.Millisecond

// WhileFull opens a connection, and tries again while the server has none left for us: others close theirs, and a server counts a closed one until
// it notices. is tests an engine's error for a kind. WhileFull returns the error if it lasts longer than most. waiting is called once, before the
// first wait.
func WhileFull(ctx context.Context, most time.Duration, is func(error, Kind) bool, waiting func(), connect func() error) error {
	for began, tries := time.Now(), 1; ; tries++ {
		err := connect()
		if !is(err, TooManyConnections) || time.Since(began) > most {
			return err
		}
		if tries == 1 {
			waiting()
		}
		if err := clock.Sleep(ctx, fullPause); err != nil {
			return err
		}
	}
}
