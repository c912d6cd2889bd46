package dumpfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// testBaked is what smallBaked says of its files.
var testBaked = Baked{
	Dump: "shop-20261122T063000Z-4f1c2a.sql.zst", DumpIndex: Digest{1}, Engine: "mariadb", Version: "11.8.3", PageSize: 16 << 10,
	Tables: []BakedTable{
		{Name: "a", Definition: Digest{2}, RowFormat: "Dynamic", Files: []BakedFile{{".ibd", 20}, {".cfg", 3}}},
		{Name: "e", Definition: Digest{3}, RowFormat: "Compressed", Files: []BakedFile{{"#P#p0.ibd", 5}}},
	},
}

// smallBaked is an object with tables as files that is small enough to damage each byte in turn.
func smallBaked(t testing.TB, c Compression, partEnd int64) (object, content []byte) {
	t.Helper()
	out := &output{partEnd: partEnd}
	w, err := NewWriter(context.Background(), out, c, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []added{
		{"CREATE TABLE a (b text);\n", About{Section: dump.Head}},
		{"INSERT INTO c VALUES ('v');\n", About{Section: dump.Rows, Table: "c", Rows: 1}},
		{"pages of a\x00\x00", About{Section: dump.Files, Table: "a", File: ".ibd"}},
		{"more\x00\xff\x00\x00", About{Section: dump.Files, Table: "a", File: ".ibd"}},
		{"cfg", About{Section: dump.Files, Table: "a", File: ".cfg"}},
		{"pages", About{Section: dump.Files, Table: "e", File: "#P#p0.ibd"}},
		{"-- Dump completed\n", About{Section: dump.Tail}},
	} {
		content = append(content, a.sql...)
		if _, err := w.Add([]byte(a.sql), a.about); err != nil {
			t.Fatal(err)
		}
	}
	idx, baked := testIndex, testBaked
	idx.Tables, idx.Rows, idx.Baked = []Table{{"a", 3}, {"c", 1}, {"e", 2}, {"none", 0}}, 6, &baked
	if err := w.Close(idx); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), content
}

// The index of an object with tables as files reads as it was written, and every reader gives its content.
func TestBaked(t *testing.T) {
	for _, c := range written {
		for _, partEnd := range []int64{0, 4000} {
			object, content := smallBaked(t, c, partEnd)
			if err := readAll(t, string(c), object, content, c); err != nil {
				t.Error(c, err)
			}
			idx := readIndex(t, object, c)
			if diff := cmp.Diff(&testBaked, idx.Baked); diff != "" {
				t.Error(diff)
			}
			var got strings.Builder
			for _, chunk := range idx.Chunks {
				fmt.Fprintf(&got, "%s %s%s %d %d\n", chunk.Section, chunk.Table, chunk.File, chunk.Rows, chunk.RawSize)
			}
			want := "head  0 25\nrows c 1 28\nfiles a.ibd 0 12\nfiles a.ibd 0 8\nfiles a.cfg 0 3\nfiles e#P#p0.ibd 0 5\ntail  0 18\n"
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Error(diff)
			}
		}
	}
}

// Files longer than a chunk, as pages are: the object is a file of zstd's, and each chunk says which segment it is.
func TestBakedLong(t *testing.T) {
	page := bytes.Repeat([]byte{0, 1, 2, 3, 4, 5, 0, 0}, 2048)
	file := bytes.Repeat(page, 2*hardChunkRaw/len(page)+1)
	var out output
	w, err := NewWriter(t.Context(), &out, Zstd, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []added{{"CREATE TABLE …;\n", About{Section: dump.Head}},
		{string(file), About{Section: dump.Files, Table: "a", File: ".ibd"}}, {"-- Dump completed\n", About{Section: dump.Tail}}} {
		if _, err := w.Add([]byte(a.sql), a.about); err != nil {
			t.Fatal(err)
		}
	}
	idx, baked := testIndex, testBaked
	baked.Tables = []BakedTable{{Name: "a", Files: []BakedFile{{".ibd", int64(len(file))}}}}
	idx.Tables, idx.Rows, idx.Baked = []Table{{"a", 3}}, 3, &baked
	if err := w.Close(idx); err != nil {
		t.Fatal(err)
	}
	read := readIndex(t, out.Bytes(), Zstd)
	if len(read.Chunks) != 5 || read.Chunks[1].RawSize != hardChunkRaw || read.Chunks[1].Partial || read.Chunks[3].File != ".ibd" {
		t.Errorf("chunks are %+v", read.Chunks)
	}
	if n, err := Verify(bytes.NewReader(out.Bytes()), Zstd, read); err != nil || n != read.RawBytes {
		t.Errorf("%d bytes, %v", n, err)
	}
	if testing.Short() {
		return // without zstd's own judgement
	}
	path := filepath.Join(t.TempDir(), "x.tables.zst")
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"-t", "-l"} {
		if said, err := exec.CommandContext(t.Context(), "zstd", how, path).CombinedOutput(); err != nil {
			t.Errorf("zstd %s: %v: %s", how, err, said)
		}
	}
}

// What cannot be is not written either.
func TestBakedOrder(t *testing.T) {
	for want, list := range map[string][]About{
		`section "rows" comes after section "files"`:                  {{Section: dump.Files, Table: "a", File: ".ibd"}, {Section: dump.Rows, Table: "c"}},
		`section "files" comes after section "tail"`:                  {{Section: dump.Tail}, {Section: dump.Files, Table: "a", File: ".ibd"}},
		`section "files" is of file ""`:                               {{Section: dump.Files, Table: "a"}},
		`section "rows" is of file ".ibd"`:                            {{Section: dump.Rows, Table: "a", File: ".ibd"}},
		`section "files" has 4 rows of table "a"`:                     {{Section: dump.Files, Table: "a", File: ".ibd", Rows: 4}},
		`section "files" comes after section ""`:                      {{}, {Section: dump.Files, Table: "a", File: ".ibd"}},
		`section "head" comes after section "files"`:                  {{Section: dump.Files, Table: "a", File: ".ibd"}, {Section: dump.Head}},
		`chunk 0 belongs to a file, but the index describes no files`: {{Section: dump.Files, Table: "a", File: ".ibd"}},
	} {
		w, err := NewWriter(t.Context(), &output{}, Zstd, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, about := range list {
			if _, err = w.Add([]byte("x"), about); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Close(Index{})
		}
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("want %s, got %v", want, err)
		}
		w.Abort()
	}
}

// An index with impossible files is refused, with these words in the message.
func TestForgedBaked(t *testing.T) {
	// The chunks are head, rows of c, a.ibd (12 bytes), a.ibd (8), a.cfg (3), e#P#p0.ibd (5), tail.
	const lacks = `the chunks do not add up to the %d bytes of file %q of table %q`
	tables := func(idx *Index) []BakedTable { return idx.Baked.Tables }
	for want, forge := range map[string]func(idx *Index){
		`chunk 2 belongs to a file, but the index describes no files`: func(idx *Index) { idx.Baked = nil },
		`0 bytes is no page size of InnoDB`:                           func(idx *Index) { idx.Baked.PageSize = 0 },
		`-4096 bytes is no page size of InnoDB`:                       func(idx *Index) { idx.Baked.PageSize = -4096 },
		`2048 bytes is no page size of InnoDB`:                        func(idx *Index) { idx.Baked.PageSize = 2048 },
		`131072 bytes is no page size of InnoDB`:                      func(idx *Index) { idx.Baked.PageSize = 128 << 10 },
		`12288 bytes is no page size of InnoDB`:                       func(idx *Index) { idx.Baked.PageSize = 12 << 10 },
		`no table comes as files`: func(idx *Index) {
			idx.Chunks = append(idx.Chunks[:2:2], idx.Chunks[6])
		},
		`the index does not describe file "#P#p0.ibd" of table "e"`:          func(idx *Index) { idx.Baked.Tables = tables(idx)[:1] },
		`the index does not describe file ".ibd" of table "a"`:               func(idx *Index) { idx.Baked.Tables = nil },
		`table "b" comes as files but is not in the dump, or is there twice`: func(idx *Index) { tables(idx)[0].Name = "b" },
		`table "a" comes as files but is not in the dump, or is there twice`: func(idx *Index) { tables(idx)[1].Name = "a" },
		`table "e" is there twice`:                                           func(idx *Index) { idx.Tables[3].Name = "e" },
		`table "e" has no file`:                                              func(idx *Index) { tables(idx)[1].Files = nil },
		`table "a" has file ".ibd" twice`:                                    func(idx *Index) { tables(idx)[0].Files = []BakedFile{{".ibd", 12}, {".ibd", 8}} },
		`table "a" has a file "/../../x.ibd"`:                                func(idx *Index) { tables(idx)[0].Files[0].Name = "/../../x.ibd" },
		`table "a" has a file ".frm"`:                                        func(idx *Index) { tables(idx)[0].Files[0].Name = ".frm" },
		`table "a" has a file ".TRG"`:                                        func(idx *Index) { tables(idx)[0].Files[0].Name = ".TRG" },
		`table "a" has a file "#x/y.ibd"`:                                    func(idx *Index) { tables(idx)[0].Files[0].Name = "#x/y.ibd" },
		`table "a" has a file "#.ibd"`:                                       func(idx *Index) { tables(idx)[0].Files[0].Name = "#.ibd" },
		`table "a" has a file ""`:                                            func(idx *Index) { tables(idx)[0].Files[0].Name = "" },
		`table "a" has a file ".ibd\x00"`:                                    func(idx *Index) { tables(idx)[0].Files[0].Name = ".ibd\x00" },
		`table "a" has a file ".ibd\n"`:                                      func(idx *Index) { tables(idx)[0].Files[0].Name = ".ibd\n" },
		fmt.Sprintf(lacks, 0, ".ibd", "a"):                                   func(idx *Index) { tables(idx)[0].Files[0].Size = 0 },
		fmt.Sprintf(lacks, -1, ".ibd", "a"):                                  func(idx *Index) { tables(idx)[0].Files[0].Size = -1 },
		fmt.Sprintf(lacks, 19, ".ibd", "a"):                                  func(idx *Index) { tables(idx)[0].Files[0].Size = 19 },
		fmt.Sprintf(lacks, 21, ".ibd", "a"):                                  func(idx *Index) { tables(idx)[0].Files[0].Size = 21 },
		fmt.Sprintf(lacks, int64(1)<<62, ".ibd", "a"):                        func(idx *Index) { tables(idx)[0].Files[0].Size = 1 << 62 },
		fmt.Sprintf(lacks, 12, ".ibd", "a"):                                  func(idx *Index) { tables(idx)[0].Files[0].Size = 12; idx.Chunks[2].Partial = true },
		fmt.Sprintf(lacks, 3, ".cfg", "a"):                                   func(idx *Index) { tables(idx)[0].Files[0].Size = 12 }, // the next chunk is of .ibd still
		fmt.Sprintf(lacks, 5, "#P#p0.ibd", "e"):                              func(idx *Index) { idx.Chunks[5].Table = "a" },
		fmt.Sprintf(lacks, 5, "#P#p1.ibd", "e"):                              func(idx *Index) { tables(idx)[1].Files[0].Name = "#P#p1.ibd" },
		fmt.Sprintf(lacks, 6, "#P#p0.ibd", "e"):                              func(idx *Index) { tables(idx)[1].Files[0].Size = 6 }, // which would go on in the tail
		`chunk 1 has rows of table "e", which comes as files`:                func(idx *Index) { idx.Chunks[1].Table = "e" },
		`chunk 1 has rows of table "d", which the dump does not have`:        func(idx *Index) { idx.Chunks[1].Table = "d" },
		`the chunks lack 1 of the 1 rows of table "c"`:                       func(idx *Index) { idx.Chunks[1].Rows = 0 },
		`the chunks lack 1 of the 1 rows of table "none"`:                    func(idx *Index) { idx.Tables[3].Rows, idx.Rows = 1, 7 },
		`table "e" has 3 of the dump's 6 rows`:                               func(idx *Index) { idx.Tables[2].Rows = 3 },
		`table "a" has -1 of the dump's 6 rows`:                              func(idx *Index) { idx.Tables[0].Rows = -1 },
		`chunk 3: section "rows" comes after section "files"`:                func(idx *Index) { idx.Chunks[3].About = About{Section: dump.Rows, Table: "c"} },
		`chunk 2: section "files" is of file ""`:                             func(idx *Index) { idx.Chunks[2].File = "" },
		`chunk 2: section "files" has 3 rows of table "a"`:                   func(idx *Index) { idx.Chunks[2].Rows = 3 },
		`chunk 6: section "tail" is of file ".ibd"`:                          func(idx *Index) { idx.Chunks[6].File = ".ibd" },
	} {
		for _, c := range written {
			object, content := smallBaked(t, c, 0)
			forged := replaceIndex(t, object, c, func(idx *Index) {
				forge(idx)
				idx.RawBytes = 0
				end := int64(len(containerOf(c).signature()))
				for i := range idx.Chunks {
					idx.Chunks[i].Offset = end
					end += idx.Chunks[i].Size
					idx.RawBytes += idx.Chunks[i].RawSize
				}
			})
			_, err := ReadIndex(bytes.NewReader(forged), int64(len(forged)), c)
			var damaged *DamagedError
			if !errors.As(err, &damaged) || damaged.Kind != ErrCorrupt || damaged.Reason != "the index is wrong: "+want {
				t.Errorf("%s\nwant %.200s\ngot  %.300v", c, want, err)
			}
			if err := readAll(t, want, forged, content, c); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s, %s: %v", c, want, err)
			}
		}
	}
}

// What a forged index says of files costs no more than its own length, in memory and in time: the number of tables,
// of files and of chunks may be as high as its text is long.
func TestHugeBaked(t *testing.T) {
	const before, after = `{"format":1,"compression":"%s","raw_bytes":1,"rows":0,"baked":{"page_size":4096,%s}}`, 1 << 20
	many := func(item string) string {
		n := after / (len(item) + 1)
		return "[" + strings.Repeat(item+",", n-1) + item + "]"
	}
	var checksums strings.Builder
	for i := 0; checksums.Len() < after; i++ {
		fmt.Fprintf(&checksums, `,"%x":1`, i)
	}
	for text, want := range map[string]string{
		`"checksums":{` + checksums.String()[1:] + `}`:                  "the sizes of the chunks do not add up",
		`"tables":` + many(`{}`):                                        `table "" has no file`,
		`"tables":` + many(`null`):                                      `table "" has no file`,
		`"tables":` + many(`{"files":[{}]}`):                            "the sizes of the chunks do not add up",
		`"tables":[{"files":` + many(`{}`) + `}]`:                       "the sizes of the chunks do not add up",
		`"tables":[{"files":` + many(`{"name":".ibd","size":1}`) + `}]`: "the sizes of the chunks do not add up",
		`"tables":[{"definition":"00","files":[{}]}]`:                   "a SHA-256 has 64 digits, not 2",
		`"dump":"` + strings.Repeat("a", after) + `"`:                   "the sizes of the chunks do not add up",
	} {
		refusedCheaply(t, smallBaked, before, text, want)
	}
}
