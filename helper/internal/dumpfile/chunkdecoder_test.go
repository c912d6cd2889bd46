package dumpfile

import (
	"bytes"
	"errors"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// sectionedDump is a dump with a statement that is longer than a chunk may be.
func sectionedDump(t *testing.T, c Compression) (object []byte, parts [][]byte) {
	t.Helper()
	parts = [][]byte{
		[]byte("CREATE TABLE a (id INT);\n"),
		[]byte("INSERT INTO a VALUES (1);\n"),
		append(bytes.Repeat([]byte("INSERT INTO a VALUES (2);"), 700_000), '\n'),
		[]byte("-- Dump completed\n"),
	}
	var out output
	w, err := NewWriter(t.Context(), &out, c, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, about := range []About{
		{Section: dump.Head}, {Section: dump.Rows, Table: "a", Rows: 1}, {Section: dump.Rows, Table: "a", Rows: 700_000}, {Section: dump.Tail},
	} {
		if _, err := w.Add(bytes.Clone(parts[i]), about); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(Index{Tables: []Table{{Name: "a", Rows: 700_001}}, Rows: 700_001}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), parts
}

func TestChunkDecoder(t *testing.T) {
	for _, c := range written {
		object, parts := sectionedDump(t, c)
		idx := readIndex(t, object, c)
		dec, err := NewChunkDecoder(idx)
		if err != nil {
			t.Fatal(err)
		}
		defer dec.Close()
		want, at := bytes.Join(parts, nil), make([]int64, len(idx.Chunks)+1)
		for i, chunk := range idx.Chunks {
			at[i+1] = at[i] + chunk.RawSize
		}
		if len(idx.Chunks) < 6 {
			t.Fatalf("%s: %d chunks", c, len(idx.Chunks))
		}
		// Backwards, and the last one twice.
		for i := len(idx.Chunks) - 1; i >= -1; i-- {
			which := (i + len(idx.Chunks)) % len(idx.Chunks)
			got, err := dec.Read(bytes.NewReader(object), which)
			if err != nil || !bytes.Equal(got, want[at[which]:at[which+1]]) {
				t.Errorf("%s: chunk %d has %d bytes, error %v", c, which, len(got), err)
			}
			if cap(reusable(dec.raw)) > hardChunkRaw || cap(reusable(dec.data)) > hardChunkRaw {
				t.Errorf("%s: a huge buffer is kept", c)
			}
		}

		for _, at := range []int64{0, idx.Chunks[1].Size / 2, idx.Chunks[1].Size - 1} {
			damaged := bytes.Clone(object)
			damaged[idx.Chunks[1].Offset+at] ^= 1
			var damage *DamagedError
			if got, err := dec.Read(bytes.NewReader(damaged), 1); got != nil || !errors.As(err, &damage) || damage.Offset != idx.Chunks[1].Offset {
				t.Errorf("%s: a flipped bit gives %d bytes, %v", c, len(got), err)
			}
		}
		if _, err := dec.Read(bytes.NewReader(object), 1); err != nil {
			t.Errorf("%s: after damage: %v", c, err)
		}
		broken := errors.New("broken disk")
		if got, err := dec.Read(failingReader{err: broken}, 2); got != nil || !errors.Is(err, broken) {
			t.Errorf("%s: a broken disk gives %d bytes, %v", c, len(got), err)
		}
	}
	if _, err := NewChunkDecoder(&Index{Compression: XZ}); err != ErrNoIndex {
		t.Errorf("xz gives %v", err)
	}
}
