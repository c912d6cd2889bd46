package bucket

import (
	"context"
	"math"
	"sync"

	"golang.org/x/sync/semaphore"
)

// S3 accepts 10,000 parts of 5 MiB to 5 GiB and objects of up to 5 TiB. The size of a dump is not known beforehand, so parts begin
// small and grow: the first 2,000 have the same size (16 GB in all), then each is a little bigger than the one before, up to 4.7 GiB.

const (
	mib      = 1 << 20
	maxParts = 10_000
)

// limits bound an upload's memory. Tests use smaller ones.
type limits struct {
	firstPart   int64 // the size of the first parts
	steadyParts int32 // how many parts have that size
	growth      float64
	maxBuffer   int64 // a part up to this size is buffered as a whole and can be sent again
	memory      int64 // all buffers together
	workers     int64 // parts sent at the same time

	rangeSize int64 // bytes of one request when fetching
	ranges    int   // requests at the same time when fetching
}

var defaultLimits = limits{
	firstPart:   8 * mib,
	steadyParts: 2_000,
	growth:      1.0008,
	maxBuffer:   32 * mib,
	memory:      64 * mib,
	workers:     3,
	rangeSize:   8 * mib,
	ranges:      4,
}

// partSize returns the size of part n, which counts from 1. It grows in steps of 1 MiB, so that a buffer fits more than one part.
func (l limits) partSize(n int32) int64 {
	if n <= l.steadyParts {
		return l.firstPart
	}
	size := float64(l.firstPart) * math.Pow(l.growth, float64(n-l.steadyParts))
	return int64(math.Ceil(size/mib)) * mib
}

// buffers hands out memory for parts, up to a limit, and reuses it. The garbage collector alone would need twice as much.
type buffers struct {
	budget *semaphore.Weighted
	mu     sync.Mutex
	free   [][]byte
}

func newBuffers(l limits) *buffers { return &buffers{budget: semaphore.NewWeighted(l.memory)} }

// get waits until size bytes may be used. The buffer is empty and has that capacity.
func (b *buffers) get(ctx context.Context, size int64) ([]byte, error) {
	if err := b.budget.Acquire(ctx, size); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.free); n > 0 {
		buf := b.free[n-1]
		b.free = b.free[:n-1]
		if int64(cap(buf)) >= size {
			return buf[:0:size], nil
		}
	}
	return make([]byte, 0, size), nil
}

// put returns a buffer from get.
func (b *buffers) put(buf []byte) {
	size := int64(cap(buf))
	b.mu.Lock()
	b.free = append(b.free, buf[:0])
	b.mu.Unlock()
	b.budget.Release(size)
}
