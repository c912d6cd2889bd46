package dumpfile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// The index of a dump with sections reads as it was written, and every reader gives the SQL.
func TestSections(t *testing.T) {
	for _, c := range written {
		for _, partEnd := range []int64{0, 3000} {
			object, sql := smallSections(t, c, partEnd)
			if err := readAll(t, string(c), object, sql, c); err != nil {
				t.Error(c, err)
			}
			var got []About
			for _, chunk := range readIndex(t, object, c).Chunks {
				got = append(got, chunk.About)
			}
			want := []About{{Section: dump.Head}, {Section: dump.Rows, Table: "a", Rows: 2}, {Section: dump.Rows, Table: "a", Rows: 1}, {Section: dump.Rows, Table: "c", Rows: 1}, {Section: dump.Tail}}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v", c, got)
			}
		}
		plain, _ := smallDump(t, c, 0)
		if readIndex(t, plain, c).Sectioned() {
			t.Error(c, "a stream is sectioned")
		}
	}
}

// An index with impossible sections, tables or rows is refused, with these words in the message.
func TestForgedSections(t *testing.T) {
	// The chunks are head, rows of a (2), rows of a (1), rows of c (1), tail.
	long := strings.Repeat("ü", 10_000)
	for want, forge := range map[string]func(idx *Index){
		`chunk 1: unknown section "body"`:                    func(idx *Index) { idx.Chunks[1].Section = "body" },
		`chunk 0: unknown section "` + long[:200] + `"`:      func(idx *Index) { idx.Chunks[0].Section = dump.Section(long) },
		`chunk 4: section "head" comes after section "rows"`: func(idx *Index) { idx.Chunks[4].Section = dump.Head },
		`chunk 1: section "rows" comes after section "tail"`: func(idx *Index) { idx.Chunks[0].Section = dump.Tail },
		`chunk 1: section "rows" comes after section ""`:     func(idx *Index) { idx.Chunks[0].Section = "" },
		`chunk 4: section "" comes after section "rows"`:     func(idx *Index) { idx.Chunks[4].Section = "" },
		`chunk 1: section "" has 2 rows of table "a"`: func(idx *Index) {
			for i := range idx.Chunks {
				idx.Chunks[i].Section = ""
			}
		},
		`chunk 0: section "head" has 0 rows of table "a"`:             func(idx *Index) { idx.Chunks[0].Table = "a" },
		`chunk 4: section "tail" has 7 rows of table ""`:              func(idx *Index) { idx.Chunks[4].Rows = 7 },
		`chunk 2: section "rows" has -1 rows of table "a"`:            func(idx *Index) { idx.Chunks[2].Rows = -1 },
		`chunk 3 has rows of table "d", which the dump does not have`: func(idx *Index) { idx.Chunks[3].Table = "d" },
		`chunk 3 has rows of table "", which the dump does not have`:  func(idx *Index) { idx.Chunks[3].Table = "" },
		`chunk 3 has 1 rows of table "a", of which 0 are left`:        func(idx *Index) { idx.Chunks[3].Table = "a" },
		`chunk 1 has 4 rows of table "a", of which 3 are left`:        func(idx *Index) { idx.Chunks[1].Rows = 4 },
		`the chunks lack 2 of the 3 rows of table "a"`:                func(idx *Index) { idx.Chunks[1].Rows = 0 },
		`chunk 3 has 1 rows of table "c", of which 0 are left`:        func(idx *Index) { idx.Tables[0].Rows, idx.Tables[1].Rows = 4, 0 },
		`the chunks lack 1 of the 4 rows of table "a"`:                func(idx *Index) { idx.Tables[0].Rows, idx.Rows = 4, 5 },
		`the chunks lack 5 of the 5 rows of table "e"`: func(idx *Index) {
			idx.Tables, idx.Rows = append(idx.Tables, Table{"e", 5}), 9
		},
		`table "a" is there twice`:                                func(idx *Index) { idx.Tables = append(idx.Tables, Table{"a", 0}) },
		`table "c" has -1 of the dump's 4 rows`:                   func(idx *Index) { idx.Tables[1].Rows = -1 },
		`table "c" has -2 rows`:                                   func(idx *Index) { idx.Tables[1].Rows = -2 },
		`the tables have 1 rows fewer than the dump, which has 5`: func(idx *Index) { idx.Rows = 5 },
		`table "c" has 1 of the dump's 3 rows`:                    func(idx *Index) { idx.Rows = 3 },
		`-1 rows`:                                                 func(idx *Index) { idx.Rows = -1 },
		// Sums that come out right if they overflow.
		`chunk 1 has 9223372036854775807 rows of table "a", of which 3 are left`: func(idx *Index) {
			idx.Chunks[1].Rows, idx.Chunks[2].Rows = math.MaxInt64, math.MaxInt64
			idx.Tables[0].Rows, idx.Rows = 3, 4
			// MaxInt64 + MaxInt64 + 5 = 3
			five := idx.Chunks[2]
			five.Rows = 5
			idx.Chunks = append(idx.Chunks[:3:3], append([]Chunk{five}, idx.Chunks[3:]...)...)
		},
		`table "c" has 9223372036854775807 of the dump's 2 rows`: func(idx *Index) {
			idx.Chunks[1].Rows, idx.Chunks[2].Rows, idx.Chunks[3].Rows = math.MaxInt64, 0, math.MaxInt64
			idx.Tables, idx.Rows = []Table{{"a", 0}, {"c", math.MaxInt64}, {"e", math.MaxInt64}, {"f", 4}}, 2
		},
		// A statement only continues in a section that allows it.
		`chunk 1 does not continue the statement of the chunk before`: func(idx *Index) { idx.Chunks[0].Partial = true },
		`chunk 3 does not continue the statement of the chunk before`: func(idx *Index) {
			idx.Chunks[2].Partial, idx.Chunks[2].Rows, idx.Chunks[1].Rows = true, 0, 3
		},
		`chunk 4 does not continue the statement of the chunk before`: func(idx *Index) {
			idx.Chunks[3].Partial, idx.Chunks[3].Rows, idx.Tables[1].Rows, idx.Rows = true, 0, 0, 3
		},
		`chunk 1 ends inside a statement but has 2 rows`: func(idx *Index) { idx.Chunks[1].Partial = true },
		`the last chunk ends inside a statement`:         func(idx *Index) { idx.Chunks[4].Partial = true },
	} {
		for _, c := range written {
			object, _ := smallSections(t, c, 0)
			forged := replaceIndex(t, object, c, func(idx *Index) {
				forge(idx)
				// Where there is one chunk more, the seek table does not matter: the index is refused first. Its sizes
				// have to add up, though.
				idx.RawBytes = 0
				end := int64(len(containerOf(c).signature()))
				for i := range idx.Chunks {
					idx.Chunks[i].Offset = end
					if len(idx.Chunks) > 5 {
						idx.Chunks[i].Size = 1
					}
					end += idx.Chunks[i].Size
					idx.RawBytes += idx.Chunks[i].RawSize
				}
			})
			_, err := ReadIndex(bytes.NewReader(forged), int64(len(forged)), c)
			var damaged *DamagedError
			if !errors.As(err, &damaged) || damaged.Kind != ErrCorrupt || damaged.Reason != "the index is wrong: "+want {
				t.Errorf("%s\nwant %.200s\ngot  %.300v", c, want, err)
			}
		}
	}
	// Of a stream, too.
	for _, c := range written {
		object, _ := smallDump(t, c, 0)
		forged := replaceIndex(t, object, c, func(idx *Index) { idx.Chunks[2].Partial = true })
		_, err := ReadIndex(bytes.NewReader(forged), int64(len(forged)), c)
		if err == nil || !strings.HasSuffix(err.Error(), ": the index is wrong: the last chunk ends inside a statement") {
			t.Error(c, err)
		}
	}
}

// reseal returns a dump of ours with another text as its index, all checksums right.
func reseal(t testing.TB, object, text []byte, c Compression) []byte {
	t.Helper()
	idx := readIndex(t, object, c)
	return append(object[:idx.at:idx.at], containerOf(c).tail(sealed(text), idx.Chunks, 0)...)
}

// The text of an index may be long, and name very many chunks, tables or anything else. What a reader allocates
// is bounded by the length that the text really has, and it says what is wrong.
func TestHugeIndex(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const before, after = `{"format":1,"compression":"%s","raw_bytes":1,"rows":0,%s}`, 1 << 20
	many := func(item string) string {
		n := after / (len(item) + 1)
		return "[" + strings.Repeat(item+",", n-1) + item + "]"
	}
	for text, want := range map[string]string{
		`"chunks":` + many(`{}`):                                                "the chunk at byte 0 has an invalid size",
		`"chunks":` + many(`0`):                                                 "json: cannot unmarshal number into Go struct field Index.chunks of type dumpfile.fields",
		`"chunks":` + many(`null`):                                              "the chunk at byte 0 has an invalid size",
		`"chunks":` + many(`{"size":1,"raw_size":1}`):                           "chunk 0 is not where the one before ends",
		`"chunks":` + many(`{"size":-1,"raw_size":1}`):                          "the chunk at byte 0 has an invalid size",
		`"chunks":[{"size":1,"raw_size":4611686018427387904}]`:                  "the chunk at byte 0 has an invalid size",
		`"chunks":[{"size":4611686018427387904,"raw_size":1}]`:                  "the chunk at byte 0 has an invalid size",
		`"chunks":[{"size":1` + strings.Repeat("0", 1<<20) + `}]`:               "json: cannot unmarshal number 1" + strings.Repeat("0", 300-len("json: cannot unmarshal number 1")),
		`"chunks":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000): "invalid character '[' exceeded max depth",
		`"tables":` + many(`{}`):                                                "table \"\" is there twice",
		`"tables":` + many(`{"name":"a"}`):                                      "table \"a\" is there twice",
		`"rules":{"excluded":` + many(`""`) + `}`:                               "the sizes of the chunks do not add up",
		`"project":"` + strings.Repeat("a", after) + `"`:                        "the sizes of the chunks do not add up",
	} {
		refusedCheaply(t, smallSections, before, text, want)
	}
}

// refusedCheaply holds ReadIndex to refusing a forged index of a small object without taking much memory. The format takes the
// compression and the text.
func refusedCheaply(t *testing.T, small func(testing.TB, Compression, int64) (object, sql []byte), format, text, want string) {
	t.Helper()
	for _, c := range written {
		object, _ := small(t, c, 0)
		forged := reseal(t, object, fmt.Appendf(nil, format, c, text), c)
		var start, end runtime.MemStats
		runtime.ReadMemStats(&start)
		_, err := ReadIndex(bytes.NewReader(forged), int64(len(forged)), c)
		runtime.ReadMemStats(&end)
		if err == nil || !strings.HasSuffix(err.Error(), ": the index is wrong: "+want) {
			t.Errorf("%s, %.60s: want %.100s\ngot %.200v", c, text, want, err)
		}
		// In all, and not at once: the index as read, for gzip once more without its members, slices that grow. It is read twice,
		// because the bytes may have been damaged on their way.
		if allocated := int(end.TotalAlloc - start.TotalAlloc); allocated > 2*(64*len(forged)+1<<20) {
			t.Errorf("%s, %.60s: %d KiB allocated for %d", c, text, allocated>>10, len(forged)>>10)
		}
	}
}

// An index of a hundred megabytes belongs to a dump with very many chunks; of a small one it is not even read.
// A part with a wrong length does not end where it must.
func TestIndexLength(t *testing.T) {
	text := append([]byte(`{"format":1,"compression":"zstd","project":"`), bytes.Repeat([]byte("a"), 100<<20)...)
	text = append(text, `"}`...)
	for _, c := range written {
		object, _ := smallSections(t, c, 0)
		forged := reseal(t, object, text, c)
		at := int64(readIndex(t, object, c).at)
		idx := func(object []byte) error {
			t.Helper()
			var start, end runtime.MemStats
			runtime.ReadMemStats(&start)
			_, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c)
			runtime.ReadMemStats(&end)
			if allocated := end.TotalAlloc - start.TotalAlloc; allocated > 1<<20 {
				t.Errorf("%s: %d bytes allocated", c, allocated)
			}
			return err
		}
		block := len(text) + indexHeader
		want := fmt.Sprintf("the dump is corrupt at byte %d: an index of %d bytes for 7 frames", at, skippableHeader+block)
		if c == Gzip {
			want = fmt.Sprintf("the dump is corrupt at byte %d: an index of %d bytes behind %d bytes of chunks", at, block, at)
		}
		if err := idx(forged); err == nil || err.Error() != want {
			t.Errorf("want %s\ngot  %v", want, err)
		}

		// The same, said to be small.
		var tail []byte
		if c == Zstd {
			chunks := readIndex(t, object, c).Chunks
			tail = zstdContainer{}.tail(sealed([]byte("{}")), chunks, 0)
			tail = tail[skippableHeader+len(sealed([]byte("{}"))):] // the seek table alone
			forged = append(forged[:at+skippableHeader+int64(block):at+skippableHeader+int64(block)], tail...)
			want = fmt.Sprintf("the dump is corrupt at byte %d: the frames of the seek table have %d bytes",
				len(forged)-len(tail), at+int64(skippableHeader+len(sealed([]byte("{}")))))
		} else {
			end := len(forged) - trailerSize
			forged = appendEmptyMember(forged[:end:end], subfieldTrailer, appendTrailer(at, 100))
			want = fmt.Sprintf("the dump is corrupt at byte %d: the index at byte %d with 100 bytes does not end here", end, at)
		}
		if err := idx(forged); err == nil || err.Error() != want {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
}
