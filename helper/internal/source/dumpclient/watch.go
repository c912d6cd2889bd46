package dumpclient

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Watched runs look beside a dump client and returns a context that look's error cancels and becomes the cause of. The
// client locks what it reads until it has finished, and a slow upload slows it down: look reports that another session
// waits for the client. The returned function stops looking.
func Watched(ctx context.Context, look func(context.Context) error) (context.Context, source.Closing) {
	ctx, cancel := context.WithCancelCause(ctx)
	looking, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := look(looking); err != nil {
			cancel(err)
		}
	}()
	return ctx, func() {
		stop()
		<-done
		cancel(context.Canceled)
	}
}
