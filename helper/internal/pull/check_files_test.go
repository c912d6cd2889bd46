package pull

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/innodb"
)

// file returns a file of pages as MariaDB writes it, with only the bytes that the program reads.
func file(pageSize, pages int, flags byte) string {
	text := make([]byte, pageSize*pages)
	text[25] = 8 // the type of the first page
	binary.BigEndian.PutUint32(text[46:], uint32(pages))
	text[57] = flags
	return string(text)
}

// baked returns an object with two tables as files and one as SQL. The chunks of its first file end within the header.
func baked(t *testing.T, pageSize int64, files ...string) (object []byte, index *dumpfile.Index) {
	t.Helper()
	var out buffer
	w, err := dumpfile.NewWriter(t.Context(), &out, dumpfile.Zstd, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	add := func(text string, about dumpfile.About) {
		t.Helper()
		if _, err := w.Add([]byte(text), about); err != nil {
			t.Fatal(err)
		}
	}
	a := func(file string) dumpfile.About {
		return dumpfile.About{Section: dump.Files, Table: "a", File: file}
	}
	add("-- MariaDB dump\nCREATE TABLE `a` (x int);\nCREATE TABLE `b` (x int);\nCREATE TABLE `c` (x int);\n", dumpfile.About{Section: dump.Head})
	add("INSERT INTO `b` VALUES (1),(2);\n", dumpfile.About{Section: dump.Rows, Table: "b", Rows: 2})
	add(files[0][:20], a(".ibd"))
	add(files[0][20:50], a(".ibd"))
	add(files[0][50:], a(".ibd"))
	add(files[1], a(".cfg"))
	add(files[2], dumpfile.About{Section: dump.Files, Table: "c", File: "#P#p0.ibd"})
	add("-- Dump completed\n", dumpfile.About{Section: dump.Tail})
	err = w.Close(dumpfile.Index{
		Engine: "mariadb", Tables: []dumpfile.Table{{Name: "a", Rows: 3}, {Name: "b", Rows: 2}, {Name: "c"}}, Rows: 5,
		Baked: &dumpfile.Baked{PageSize: pageSize, Tables: []dumpfile.BakedTable{
			{Name: "a", Files: []dumpfile.BakedFile{{Name: ".ibd", Size: int64(len(files[0]))}, {Name: ".cfg", Size: int64(len(files[1]))}}},
			{Name: "c", Files: []dumpfile.BakedFile{{Name: "#P#p0.ibd", Size: int64(len(files[2]))}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	index, err = dumpfile.ReadIndex(bytes.NewReader(out.Bytes()), int64(out.Len()), dumpfile.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), index
}

func TestCheckFiles(t *testing.T) {
	const cfg = "what the server says of its columns"
	good := file(16<<10, 5, 0x15)
	for _, test := range []struct {
		pageSize         int64
		first, last, err string
	}{
		{16 << 10, good, file(16<<10, 1, 0x15), ""},
		{4 << 10, file(4<<10, 7, 0x13), file(4<<10, 4, 0xdf), "the dump is incomplete: file \"#P#p0.ibd\" of table \"c\": the file is of an InnoDB table with flags 0xdf, which nobody knows here"},
		{4 << 10, good, good, `the dump is incomplete: file ".ibd" of table "a": the file has pages of 16384 bytes instead of 4096`},
		{16 << 10, good, good[:32<<10], `the dump is incomplete: file "#P#p0.ibd" of table "c": the file has 32768 bytes instead of 5 pages of 16384 bytes`},
		{16 << 10, good, "short", `the dump is incomplete: file "#P#p0.ibd" of table "c": 5 bytes are no file of an InnoDB table`},
		{16 << 10, strings.Repeat("x", 16<<10), good, `the dump is incomplete: file ".ibd" of table "a": the file does not begin as one of an InnoDB table`},
	} {
		object, index := baked(t, test.pageSize, test.first, cfg, test.last)
		content, err := dumpfile.NewVerifier(bytes.NewReader(object), dumpfile.Zstd, index)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := Check(content, index)
		_ = content.Close()
		switch {
		case test.err == "" && (err != nil || stats.Rows != 2 || len(stats.Tables) != 3):
			t.Errorf("%+v, %v", stats, err)
		case test.err != "" && (err == nil || err.Error() != test.err || !errors.Is(err, ErrIncomplete)):
			t.Errorf("want %s\ngot  %v", test.err, err)
		}
	}
	// Damage is found everywhere: in files and after them.
	object, index := baked(t, 16<<10, good, cfg, good)
	for _, at := range []int64{index.Chunks[3].Offset + 20, index.Chunks[7].Offset + 8, int64(len(object)) - 30} {
		damaged := bytes.Clone(object)
		damaged[at] ^= 1
		content, err := dumpfile.NewVerifier(bytes.NewReader(damaged), dumpfile.Zstd, index)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Check(content, index); !errors.Is(err, dumpfile.ErrCorrupt) {
			t.Errorf("at byte %d: %v", at, err)
		}
		_ = content.Close()
	}
}

// withoutFiles returns the object's SQL without its files, however small the reads are.
func TestWithoutFiles(t *testing.T) {
	good := file(16<<10, 2, 0x15)
	object, index := baked(t, 16<<10, good, "cfg", good)
	for _, most := range []int{1, innodb.HeaderSize, 1 << 20} {
		content, err := dumpfile.NewVerifier(bytes.NewReader(object), dumpfile.Zstd, index)
		if err != nil {
			t.Fatal(err)
		}
		var sql []byte
		for r := newWithoutFiles(content, index); err == nil; {
			buf := make([]byte, most)
			var n int
			n, err = r.Read(buf)
			sql = append(sql, buf[:n]...)
		}
		_ = content.Close()
		if err != io.EOF || !strings.HasSuffix(string(sql), "CREATE TABLE `c` (x int);\nINSERT INTO `b` VALUES (1),(2);\n-- Dump completed\n") {
			t.Errorf("by %d bytes: %v, %q", most, err, sql)
		}
	}
}
