package bucket

import (
	"context"
	"io"
	"sync"
	"time"
)

// RateLimit bounds how many bytes per second go to and from buckets, all that have the same RateLimit together. It
// counts the bodies of requests and answers, those that are sent again as often as they are sent.
type RateLimit struct {
	rate  float64 // bytes per second
	piece int     // bytes that pass at once

	mu   sync.Mutex
	free time.Time // when the next byte may pass
}

// saved is how much of the time in which nothing was sent can be made up for, which bounds the size of bursts.
const saved = 100 * time.Millisecond

// NewRateLimit makes a limit of that many bytes per second. For 0 it is nil, which limits nothing.
func NewRateLimit(bytesPerSecond int64) *RateLimit {
	if bytesPerSecond <= 0 {
		return nil
	}
	// Small pieces let a lease's sign of life pass between those of large transfers.
	return &RateLimit{rate: float64(bytesPerSecond), piece: int(min(max(bytesPerSecond/20, 1<<10), 64<<10))}
}

// take waits until n bytes may pass, or gives the cause of the context's end.
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

// limit makes reading a body wait until what was read may pass. A nil limit gives the body itself.
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
