package bucket

import (
	"context"
	"io"
	"sync"
	"time"
)

// RateLimit limits the bytes per second to and from all buckets that share it. It counts the bodies of requests and answers, also
// those that are sent again.
type RateLimit struct {
	rate  float64 // bytes per second
	piece int     // bytes that may pass at once

	mu   sync.Mutex
	free time.Time // when the next byte may pass
}

// saved is how much unused time can be made up for. It bounds the size of bursts.
const saved = 100 * time.Millisecond

// NewRateLimit makes a limit of that many bytes per second. For 0 it returns nil, which limits nothing.
func NewRateLimit(bytesPerSecond int64) *RateLimit {
	if bytesPerSecond <= 0 {
		return nil
	}
	// Small pieces let a lease's sign of life pass between those of large transfers.
	return &RateLimit{rate: float64(bytesPerSecond), piece: int(min(max(bytesPerSecond/20, 1<<10), 64<<10))}
}

// take waits until n bytes may pass, or returns the cause of the context's end.
func (l *RateLimit) take(ctx context.Context, n int) error {
	l.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-saved); l.free.Before(earliest) {
		l.free = earliest
	}
	pause := l.free.Sub(now)
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	l.mu.Unlock()
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// limit returns a body that keeps to the limit. A nil limit returns the body itself.
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
