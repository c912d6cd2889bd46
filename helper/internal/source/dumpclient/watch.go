package dumpclient

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// An official client locks what it reads for as long as that takes, and whoever takes its text may take long. It is ended
// where somebody waits for it.

// Watched gives a context that ends when look gives an error, which is then its cause, and how to end looking.
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
