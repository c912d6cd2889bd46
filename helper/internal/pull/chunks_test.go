package pull

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// TestChunks reads a dump as the load does: chunks that were cut inside a statement are joined.
func TestChunks(t *testing.T) {
	d := bigDump()
	object, _ := write(t, d)
	index, err := dumpfile.ReadIndex(bytes.NewReader(object), int64(len(object)), dumpfile.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	if len(index.Chunks) <= len(d) {
		t.Fatal("no statement takes several chunks")
	}
	arrived := newTestPartialFile(t, 0)
	if _, err := arrived.WriteAt(object, 0); err != nil {
		t.Fatal(err)
	}
	c := newChunks(index, arrived)
	var want []dump.StoredChunk
	for _, part := range d {
		want = append(want, dump.StoredChunk{
			Section: dump.Section(part.about.Section), Table: part.about.Table, Rows: part.about.Rows, Bytes: int64(len(part.sql)),
		})
	}
	if diff := cmp.Diff(want, c.List()); diff != "" {
		t.Fatalf("chunks (-want +got)\n%s", diff)
	}
	reader, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for i := len(d) - 1; i >= 0; i-- {
		if !reader.Has(i) {
			t.Errorf("chunk %d has not come", i)
		}
		if got, err := reader.Read(t.Context(), i); err != nil || !bytes.Equal(got, d[i].sql) {
			t.Errorf("chunk %d has %d bytes, %v", i, len(got), err)
		}
	}
	defer func(limit int) { longestStatement = limit }(longestStatement)
	longestStatement = 9 << 20
	for i, part := range d {
		_, err := reader.Read(t.Context(), i)
		if long := len(part.sql) > longestStatement; long != errors.Is(err, dumpfile.ErrCorrupt) || !long && err != nil {
			t.Errorf("%d bytes give %v", len(part.sql), err)
		}
	}
}

// TestSeveralReaders reads chunks in several goroutines while the dump is fetched in any order.
func TestSeveralReaders(t *testing.T) {
	dump := bigDump()
	object, _ := write(t, dump)
	index, err := dumpfile.ReadIndex(bytes.NewReader(object), int64(len(object)), dumpfile.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	a := newTestPartialFile(t, 0)
	c := newChunks(index, a)
	early, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if early.Has(0) {
		t.Error("the first chunk is there before anything has come")
	}
	var group sync.WaitGroup
	group.Go(func() {
		const piece = 64 << 10
		for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(object)/piece + 1) {
			if _, err := a.WriteAt(object[i*piece:min((i+1)*piece, len(object))], int64(i*piece)); err != nil {
				t.Error(err)
			}
		}
		a.end(nil)
	})
	for first := range 3 {
		group.Go(func() {
			reader, err := c.Open()
			if err != nil {
				t.Error(err)
				return
			}
			defer reader.Close()
			for i := first; i < len(dump); i += 3 {
				if got, err := reader.Read(t.Context(), i); err != nil || !bytes.Equal(got, dump[i].sql) {
					t.Errorf("chunk %d has %d bytes, %v", i, len(got), err)
				}
			}
		})
	}
	group.Wait()
}
