package dumpfile

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// What is kept is in the new dump once, whatever lies between in the earlier object.
func TestKeep(t *testing.T) {
	for _, c := range []Compression{Zstd, Gzip} {
		random := rand.New(rand.NewPCG(7, 7))
		rows := map[string][][]byte{}
		for _, table := range []string{"a", "b", "c", "long"} {
			for range 25 {
				rows[table] = append(rows[table], text(random, table, chunkInTest))
			}
		}
		rows["long"][3] = text(random, "long", hardChunkRaw+chunkInTest)
		tables := []string{"a", "b", "c", "long", "text"}
		write := func(earlier []byte, keep ...string) []byte {
			t.Helper()
			out := &object{earlier: earlier}
			w, err := NewWriter(t.Context(), out, c, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Abort()
			if earlier != nil {
				index, err := ReadIndex(bytes.NewReader(earlier), int64(len(earlier)), c)
				if err != nil {
					t.Fatal(err)
				}
				from := Earlier{index, bytes.NewReader(earlier)}
				w.Reuse(from, out, leastInTest)
				var kept []Kept
				keepable := from.Keepable()
				for _, table := range []string{"long", "text"} { // a statement in two chunks, and rows that are in no chunk of rows
					if _, can := keepable[table]; can {
						t.Errorf("%s: %s can be kept", c, table)
					}
				}
				for _, table := range keep {
					kept = append(kept, keepable[table])
					if keepable[table].Rows != int64(len(rows[table])) || keepable[table].RawBytes == 0 {
						t.Errorf("%s: kept of %s: %+v", c, table, keepable[table])
					}
				}
				w.Keep(kept...)
			}
			add := func(sql []byte, about About) {
				if _, err := w.Add(bytes.Clone(sql), about); err != nil {
					t.Fatal(err)
				}
			}
			add([]byte("head;\n"), About{Section: dump.Head})
			index := Index{ToolVersion: "test", TextRows: map[string]int64{"text": 2}}
			for i := range 25 { // mixed, as several connections do
				for _, table := range tables {
					if i < len(rows[table]) && !slices.Contains(keep, table) {
						add(rows[table][i], About{Section: dump.Rows, Table: table, Rows: 1})
					}
				}
			}
			add([]byte("tail;\n"), About{Section: dump.Tail})
			for _, table := range tables {
				n := int64(len(rows[table])) + index.TextRows[table]
				index.Tables, index.Rows = append(index.Tables, Table{table, n}), index.Rows+n
			}
			if err := w.Close(index); err != nil {
				t.Fatal(err)
			}
			return out.bytes()
		}
		first := write(nil)
		rows["b"][5] = text(random, "b", chunkInTest)
		for step, keep := range [][]string{{"a", "c"}, {"a"}, {}, {"a", "b", "c"}} {
			first = write(first, keep...)
			index, err := ReadIndex(bytes.NewReader(first), int64(len(first)), c)
			if err != nil {
				t.Fatal(err)
			}
			decoder, err := NewChunkDecoder(index)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string][]byte{}
			for i, chunk := range index.Chunks {
				sql, err := decoder.Read(bytes.NewReader(first), i)
				if err != nil {
					t.Fatal(err)
				}
				got[chunk.Table] = append(got[chunk.Table], sql...)
			}
			for table, all := range rows {
				if want := sorted(bytes.Join(all, nil)); !bytes.Equal(sorted(got[table]), want) {
					t.Errorf("%s, step %d: table %s has %d bytes, want %d", c, step, table, len(got[table]), len(want))
				}
			}
		}
	}
}

// sorted sorts statements.
func sorted(sql []byte) []byte {
	lines := bytes.SplitAfter(bytes.Clone(sql), []byte("\n"))
	slices.SortFunc(lines, bytes.Compare)
	return bytes.Join(lines, nil)
}
