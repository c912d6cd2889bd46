package dumpfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// outputFunc is an Output without open part.
type outputFunc func(p []byte) (int, error)

func (f outputFunc) Write(p []byte) (int, error) { return f(p) }
func (outputFunc) Room() int64                   { return 0 }

func newTestWriter(ctx context.Context, t testing.TB, out Output, workers int) *Writer {
	t.Helper()
	w, err := NewWriter(ctx, out, Zstd, 0, workers)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// bound is how much SQL a Writer holds at most, in bytes.
func bound(workers int) int { return (workers + 3) * hardChunkRaw }

func TestOutputFails(t *testing.T) {
	full := errors.New("the bucket is full")
	for failAt := range 4 {
		var writes int
		w := newTestWriter(t.Context(), t, outputFunc(func(p []byte) (int, error) {
			if writes++; writes > failAt {
				return len(p) / 2, full
			}
			return len(p), nil
		}), 2)
		block := make([]byte, 1<<20)
		var taken int
		var err error
		for err == nil {
			_, err = w.Write(block)
			taken += len(block)
			w.Cut()
			if taken > failAt*hardChunkRaw+bound(2) {
				t.Fatal("the writer goes on after its output failed")
			}
		}
		if !errors.Is(err, full) {
			t.Error(err)
		}
		if err := w.Close(testIndex); !errors.Is(err, full) {
			t.Error("Close:", err)
		}
	}
}

// An output that fails at the very end, or takes less than it was given, leaves no complete dump.
func TestTailFails(t *testing.T) {
	full := errors.New("the bucket is full")
	for _, want := range []error{full, io.ErrShortWrite} {
		var writes int
		w := newTestWriter(t.Context(), t, outputFunc(func(p []byte) (int, error) {
			if writes++; writes < 3 { // signature, chunk
				return len(p), nil
			}
			if want == full {
				return 0, full
			}
			return len(p) - 1, nil
		}), 1)
		if _, err := io.WriteString(w, "SELECT 1;\n"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(testIndex); !errors.Is(err, want) {
			t.Errorf("want %v, got %v", want, err)
		}
	}
}

// A slow output stops the source, and memory does not grow; cancelling ends everything.
func TestBackPressure(t *testing.T) {
	for name, end := range map[string]func(w *Writer, cancel context.CancelFunc){
		"cancel": func(_ *Writer, cancel context.CancelFunc) { cancel() },
		"abort": func(w *Writer, cancel context.CancelFunc) {
			// Abort waits for the Write of the output, which ends with the upload's own context.
			go w.Abort()
			synctest.Wait()
			cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w := newTestWriter(ctx, t, outputFunc(func([]byte) (int, error) {
					<-ctx.Done()
					return 0, ctx.Err()
				}), 2)
				var taken atomic.Int64
				result := make(chan error, 1)
				go func() {
					block := make([]byte, 1<<20)
					for {
						n, err := w.Write(block)
						taken.Add(int64(n))
						w.Cut()
						if err != nil {
							result <- err
							return
						}
					}
				}()
				synctest.Wait() // until nothing moves any more
				if n := taken.Load(); n < 4*chunkRaw || n > int64(bound(2)) {
					t.Errorf("the writer took %d bytes while the output took none", n)
				}
				end(w, cancel)
				if err := <-result; !errors.Is(err, context.Canceled) && !errors.Is(err, errAborted) {
					t.Error(err)
				}
				w.group.Wait()
				if err := w.Close(testIndex); err == nil {
					t.Error("a cancelled dump was closed as a complete one")
				}
			})
		})
	}
}

func TestAfterClose(t *testing.T) {
	var out output
	w := newTestWriter(t.Context(), t, &out, 1)
	if err := w.Close(testIndex); err != nil {
		t.Fatal(err)
	}
	if got := w.Written(); got != int64(out.Len()) {
		t.Errorf("Written %d of %d", got, out.Len())
	}
	w.Abort()
	size := out.Len()
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("written after Close")
	}
	if err := w.Close(testIndex); err == nil {
		t.Error("closed twice")
	}
	if out.Len() != size {
		t.Error("the output grew after Close")
	}
	if _, err := NewWriter(t.Context(), &out, XZ, 0, 1); err == nil {
		t.Error("a Writer for xz")
	}
}

// Memory does not depend on the size of the dump, and stays small with most workers.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	var peak, start runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&start)
	var highest uint64
	w := newTestWriter(t.Context(), t, outputFunc(func(p []byte) (int, error) {
		runtime.ReadMemStats(&peak)
		highest = max(highest, peak.HeapAlloc)
		return len(p), nil
	}), maxWorkers)
	rng := rand.New(rand.NewPCG(3, 4))
	list := make([][]byte, 4)
	for i := range list {
		list[i] = statement(nil, rng, 1<<20)
	}
	for i := range 200 {
		if _, err := w.Write(list[i%len(list)]); err != nil {
			t.Fatal(err)
		}
		w.Cut()
	}
	if err := w.Close(testIndex); err != nil {
		t.Fatal(err)
	}
	if used := int64(highest) - int64(start.HeapAlloc); used > 64<<20 {
		t.Errorf("%d MiB of heap", used>>20)
	} else {
		t.Logf("%d MiB of heap", used>>20)
	}
}

func BenchmarkWriter(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	list := make([][]byte, 64)
	var total int64
	for i := range list {
		list[i] = statement(nil, rng, 1<<20)
		total += int64(len(list[i]))
	}
	levels := []struct {
		name  string
		form  Compression
		level int
	}{
		{"zstd usual", Zstd, 0},
		{"zstd 3", Zstd, 3},
		{"gzip", Gzip, 0},
	}
	for _, level := range levels {
		b.Run(level.name, func(b *testing.B) {
			b.SetBytes(total)
			for b.Loop() {
				var size int64
				w, err := NewWriter(b.Context(), outputFunc(func(p []byte) (int, error) {
					size += int64(len(p))
					return len(p), nil
				}), level.form, level.level, 2)
				if err != nil {
					b.Fatal(err)
				}
				for _, s := range list {
					if _, err := w.Write(s); err != nil {
						b.Fatal(err)
					}
					w.Cut()
				}
				if err := w.Close(testIndex); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(size)/float64(total)*100, "%size")
			}
		})
	}
}

func BenchmarkChunkReader(b *testing.B) {
	var out output
	list := statements(64<<20, 1<<20)
	write(b, Zstd, list, &out)
	idx := readIndex(b, out.Bytes(), Zstd)
	b.SetBytes(idx.RawBytes)
	for b.Loop() {
		r, err := NewChunkReader(bytes.NewReader(out.Bytes()), idx, 2)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != idx.RawBytes {
			b.Fatal(n, err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
