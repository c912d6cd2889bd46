package bucket

import (
	"context"
	"io"

	"golang.org/x/time/rate"
)

// RateLimit limits the bytes per second to and from all buckets that share it. It counts the bodies of requests and
// responses, including those that are sent again.
type RateLimit struct {
	limiter *rate.Limiter
	piece   int // the most bytes to read at once
}

// NewRateLimit returns a limit of that many bytes per second. For 0 it returns nil, which limits nothing.
func NewRateLimit(bytesPerSecond int64) *RateLimit {
	if bytesPerSecond <= 0 {
		return nil
	}
	// Between small pieces of a large transfer, the small requests that renew a lease can get through.
	piece := int(min(max(bytesPerSecond/20, 1<<10), 64<<10))
	// After a pause, at most the bytes of a tenth of a second pass at once.
	burst := max(piece, int(bytesPerSecond/10))
	return &RateLimit{limiter: rate.NewLimiter(rate.Limit(bytesPerSecond), burst), piece: piece}
}

// take waits until n bytes may pass, or returns the cause of the context's end.
func (l *RateLimit) take(ctx context.Context, n int) error {
	if err := l.limiter.WaitN(ctx, n); err != nil {
		<-ctx.Done() // WaitN fails early if it would miss the context's deadline
		return context.Cause(ctx)
	}
	return nil
}

// limit returns a body that is read no faster than the limit. A nil limit returns the body itself.
func (l *RateLimit) limit(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	if l == nil {
		return body
	}
	return &limitedBody{body, ctx, l}
}

type limitedBody struct {
	io.ReadCloser
	ctx   context.Context
	limit *RateLimit
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.limit.piece)])
	if n > 0 {
		if waited := b.limit.take(b.ctx, n); waited != nil {
			return 0, waited
		}
	}
	return n, err
}
