package sourcetest

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// ChunksOf dumps a source to the end and returns its chunks in the order of their arrival. It passes each one to show
// first.
func ChunksOf(t *testing.T, source *source.Source, show ...func(dump.Chunk)) ([]dump.Chunk, *source.Dump) {
	t.Helper()
	d, err := source.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var mutex sync.Mutex
	var all []dump.Chunk
	err = d.WriteChunks(t.Context(), func(chunk dump.Chunk) ([]byte, error) {
		for _, to := range show {
			to(chunk)
		}
		mutex.Lock()
		defer mutex.Unlock()
		spare := make([]byte, 7, 100)
		chunk.SQL = bytes.Clone(chunk.SQL)
		all = append(all, chunk)
		return spare[:0], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, d
}

// DumpOfBusySite dumps a source whose tables are exchanged meanwhile. It takes its time for each chunk. What was exchanged
// just while the definitions were read makes it start again, a few times.
func DumpOfBusySite(ctx context.Context, source *source.Source) (string, error) {
	var text bytes.Buffer
	var mutex sync.Mutex
	var failed error
	for range 5 {
		text.Reset()
		d, err := source.Dump(ctx)
		if failed = err; err == nil {
			failed = d.WriteChunks(ctx, func(chunk dump.Chunk) ([]byte, error) {
				time.Sleep(150 * time.Millisecond)
				mutex.Lock()
				defer mutex.Unlock()
				text.Write(chunk.SQL)
				return chunk.SQL[:0], nil
			})
			_ = d.Close()
		}
		if failed == nil {
			break
		}
	}
	return text.String(), failed
}

// Joined returns the SQL of all chunks.
func Joined(chunks []dump.Chunk) string {
	var text strings.Builder
	for _, chunk := range chunks {
		text.Write(chunk.SQL)
	}
	return text.String()
}

// Stuck starts a dump that blocks at its first rows until goOn is called. It sends the dump's result to ended.
func Stuck(ctx context.Context, t *testing.T, config source.Config) (d *source.Dump, ended <-chan error, goOn func()) {
	t.Helper()
	source, _ := Open(t, config)
	d, err := source.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	end, rows, hold := make(chan error, 1), make(chan struct{}, 1000), make(chan struct{})
	goOn = sync.OnceFunc(func() { close(hold) })
	t.Cleanup(goOn)
	go func() {
		end <- d.WriteChunks(ctx, func(chunk dump.Chunk) ([]byte, error) {
			if chunk.Section == dump.Rows {
				rows <- struct{}{}
				select {
				case <-hold:
				case <-ctx.Done():
				}
			}
			return nil, ctx.Err()
		})
	}()
	select {
	case <-rows:
	case err := <-end:
		t.Fatalf("the dump ended before its first rows: %v", err)
	}
	return d, end, goOn
}
