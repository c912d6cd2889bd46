package dumpfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// seeds has the beginnings for the fuzzers: dumps of ours, and of others.
func seeds(f *testing.F) {
	for _, c := range written {
		object, _ := smallDump(f, c, 0)
		f.Add(object)
		padded, _ := smallDump(f, c, 1100)
		f.Add(padded)
		object, _ = smallSections(f, c, 0)
		f.Add(object)
		padded, _ = smallSections(f, c, 2000)
		f.Add(padded)
		object, _ = smallBaked(f, c, 0)
		f.Add(object)
		padded, _ = smallBaked(f, c, 4000)
		f.Add(padded)
	}
	for _, command := range []string{"zstd", "gzip", "bzip2", "xz", "cat"} {
		f.Add(compress(f, []byte("INSERT INTO a VALUES (1);\n"), command))
	}
}

// typed reports whether an error has one of the types for defects of a dump.
func typed(err error) bool {
	var damaged *DamagedError
	var newer *NewerFormatError
	var foreign *NotSQLError
	var window *WindowError
	return errors.As(err, &damaged) || errors.As(err, &newer) || errors.As(err, &foreign) || errors.As(err, &window)
}

// limited stops a reader after some megabytes: a bomb is no bug.
func limited(r io.ReadCloser) error {
	defer r.Close()
	_, err := io.CopyN(io.Discard, r, 16<<20)
	return err
}

func FuzzReadIndex(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, object []byte) {
		for _, c := range written {
			idx, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c)
			if err != nil {
				if !errors.Is(err, ErrNoIndex) && !typed(err) {
					t.Fatalf("error without a type: %v", err)
				}
				continue
			}
			var total int64
			for _, chunk := range idx.Chunks {
				if chunk.Offset < 0 || chunk.Size < 1 || chunk.Offset+chunk.Size > int64(len(object)) {
					t.Fatalf("chunk %+v in %d bytes", chunk, len(object))
				}
				total += chunk.Size
			}
			if total > int64(len(object)) {
				t.Fatalf("chunks of %d bytes in %d", total, len(object))
			}
			// Both ways to read the chunks take the same dumps for right, but for the rest of the file.
			v, err := NewVerifier(bytes.NewReader(object), c, idx)
			if err != nil {
				t.Fatal(err)
			}
			verifyErr := limited(v)
			r, err := NewChunkReader(bytes.NewReader(object), idx, 2)
			if err != nil {
				t.Fatal(err)
			}
			if err := limited(r); err != nil && err != io.EOF && !typed(err) {
				t.Fatalf("error without a type: %v", err)
			} else if err != io.EOF && verifyErr == io.EOF {
				t.Fatalf("verified, but not to be read: %v", err)
			}
		}
	})
}

// FuzzIndexText puts another text into the index of a dump, with the right checksum: what a mutation
// of the whole file never hits.
func FuzzIndexText(f *testing.F) {
	for _, dump := range smallDumps(f) {
		f.Add(indexText(f, dump.object, dump.c))
	}
	f.Add([]byte(`{"format":1,"compression":"zstd","chunks":[]}`))
	f.Add([]byte(`{"format":2}`))
	dumps := smallDumps(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, dump := range dumps {
			object := reseal(t, dump.object, text, dump.c)
			idx, err := ReadIndex(bytes.NewReader(object), int64(len(object)), dump.c)
			if err == nil {
				_, err = Verify(bytes.NewReader(object), dump.c, idx)
			}
			if err == nil && idx.RawBytes != int64(len(dump.sql)) || err != nil && !typed(err) {
				t.Fatalf("%s: %v", dump.c, err)
			}
		}
	})
}

// small is a dump that is small enough to damage each byte in turn.
type small struct {
	c           Compression
	object, sql []byte
}

// smallDumps are those with sections, those without, and those with tables as files.
func smallDumps(t testing.TB) []small {
	var list []small
	for _, c := range written {
		object, sql := smallDump(t, c, 0)
		sectioned, sectionedSQL := smallSections(t, c, 0)
		baked, content := smallBaked(t, c, 0)
		list = append(list, small{c, object, sql}, small{c, sectioned, sectionedSQL}, small{c, baked, content})
	}
	return list
}

// indexText is the JSON of a dump's index.
func indexText(t testing.TB, object []byte, c Compression) []byte {
	t.Helper()
	block, err := readIndex(t, object, c).encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return block[indexHeader:]
}

// FuzzIndexFields changes fields of the index of a dump with sections, or with files, and nothing else: it comes behind the
// checks of text and sizes where FuzzIndexText stays before them. What is taken for right must be, by sums that
// cannot overflow.
func FuzzIndexFields(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte("\x03\x01\xff\xff\xff\xff\xff\xff\xff\x7f\x03\x02\xff\xff\xff\xff\xff\xff\xff\x7f\x05\x00\x05\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x03\x02\x00\x00\x00\x00\x00\x00\x00\x00\x03\x01\x03\x00\x00\x00\x00\x00\x00\x00"))
	// Of files: another size with a chunk of it, a table twice, rows and files of one table, a file's name.
	f.Add([]byte("\x11\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x0d\x03\x00\x00\x00\x00\x00\x00\x00\x00\x12\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x02\x00\x00\x00\x00\x00\x00\x00\x0e\x04\x02\x00\x00\x00\x00\x00\x00\x00"))
	var dumps []small
	for _, dump := range smallDumps(f) {
		if readIndex(f, dump.object, dump.c).Sectioned() {
			dumps = append(dumps, dump)
		}
	}
	f.Fuzz(func(t *testing.T, changes []byte) {
		for _, dump := range dumps {
			c := dump.c
			object := replaceIndex(t, dump.object, c, func(idx *Index) {
				for change := range slices.Chunk(changes[:len(changes)/10*10], 10) {
					changeIndex(idx, change[0], int(change[1]), int64(binary.LittleEndian.Uint64(change[2:])))
				}
			})
			idx, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c)
			if err != nil {
				if !typed(err) {
					t.Fatalf("error without a type: %v", err)
				}
				continue
			}
			checkIndex(t, idx)
			if n, err := Verify(bytes.NewReader(object), c, idx); err == nil && n != int64(len(dump.sql)) || err != nil && !typed(err) {
				t.Fatalf("%d bytes of SQL, %v", n, err)
			}
		}
	})
}

// changeIndex sets one of the fields of an index.
func changeIndex(idx *Index, field byte, which int, value int64) {
	small := int(uint64(value) % 5)
	name := []string{"a", "c", "", "e", "a\x00"}[small]
	var chunk Chunk // of an index that has lost all of its own
	at := &chunk
	if len(idx.Chunks) > 0 {
		at = &idx.Chunks[which%len(idx.Chunks)]
	}
	if field %= 21; field >= 14 {
		changeBaked(idx, field, which, at, value)
		return
	}
	switch field {
	case 0:
		at.Partial = value%2 != 0
	case 1:
		at.Section = []dump.Section{"", dump.Head, dump.Rows, dump.Tail, dump.Files}[small]
	case 2:
		at.Table = name
	case 3:
		at.Rows = value
	case 4:
		idx.Tables = append(idx.Tables, Table{name, value >> 3})
	case 5:
		idx.Rows = value
	case 6:
		if len(idx.Tables) > 0 {
			idx.Tables[which%len(idx.Tables)].Rows = value
		}
	case 7:
		if len(idx.Tables) > 0 {
			idx.Tables[which%len(idx.Tables)].Name = name
		}
	case 8:
		at.Size = value
	case 9:
		at.RawSize = value
	case 10:
		at.Offset = value
	case 11:
		idx.RawBytes = value
	case 12:
		if len(idx.Chunks) < 100 {
			idx.Chunks = append(idx.Chunks, *at)
		}
	case 13:
		if i := which % max(len(idx.Chunks), 1); i < len(idx.Chunks) {
			idx.Chunks = append(idx.Chunks[:i:i], idx.Chunks[i+1:]...)
		}
	}
}

// changeBaked sets one of the fields that only an object with tables as files has.
func changeBaked(idx *Index, field byte, which int, at *Chunk, value int64) {
	small := int(uint64(value) % 5)
	name := []string{".ibd", ".cfg", "#P#p0.ibd", "", "/.ibd"}[small]
	if field == 14 {
		at.File = name
		return
	}
	if idx.Baked == nil {
		idx.Baked = &Baked{PageSize: 4096, Tables: []BakedTable{{Name: "a", Files: []BakedFile{{".ibd", 1}}}}}
	}
	baked := *idx.Baked
	idx.Baked = &baked
	if len(baked.Tables) == 0 {
		return
	}
	table := &baked.Tables[which%len(baked.Tables)]
	file := &table.Files[which%len(table.Files)]
	switch field {
	case 15:
		file.Name = name
	case 16:
		table.Name = []string{"a", "c", "e", "none", ""}[small]
	case 17:
		file.Size = value
	case 18:
		baked.Tables = append(baked.Tables[:len(baked.Tables):len(baked.Tables)], *table)
	case 19:
		table.Files = append(table.Files[:len(table.Files):len(table.Files)], *file)
	case 20:
		baked.PageSize = value
		if small == 0 {
			baked.Tables = baked.Tables[1:]
		}
	}
}

// checkIndex finds what a reader of a dump with sections relies on, in another way than the reader does.
func checkIndex(t *testing.T, idx *Index) {
	t.Helper()
	sums := make(map[string]*big.Int)
	all := new(big.Int)
	for _, table := range idx.Tables {
		if sums[table.Name] != nil {
			t.Fatalf("two tables %q", table.Name)
		}
		sums[table.Name] = new(big.Int)
		all.Add(all, big.NewInt(table.Rows))
	}
	var order strings.Builder
	open := ""
	files, asFiles := make(map[string]*big.Int), make(map[string]bool)
	if idx.Baked != nil {
		asFiles = checkFuzzedFiles(t, idx, files)
	}
	for _, chunk := range idx.Chunks {
		part := string(chunk.Section) + " " + chunk.Table
		if open != "" && open != part {
			t.Fatalf("%q goes on with %q", part, open)
		}
		if open = ""; chunk.Partial {
			open = part
		}
		order.WriteString(string(chunk.Section) + " ")
		switch {
		case chunk.Section == dump.Rows && !asFiles[chunk.Table]:
			sums[chunk.Table].Add(sums[chunk.Table], big.NewInt(chunk.Rows))
		case chunk.Section == dump.Files && chunk.Rows == 0:
			left := files[chunk.Table+"/"+chunk.File]
			left.Sub(left, big.NewInt(chunk.RawSize))
		case chunk.Table != "" || chunk.Rows != 0:
			t.Fatalf("rows outside of their section: %+v", chunk)
		}
	}
	if open != "" {
		t.Fatalf("%q does not end", open)
	}
	if !regexp.MustCompile(`^( *|(head )*(rows )*(files )*(tail )*)$`).MatchString(order.String()) {
		t.Fatalf("order %q", order.String())
	}
	if !idx.Sectioned() {
		return
	}
	for file, left := range files {
		if left.Sign() != 0 {
			t.Fatalf("file %q lacks %d bytes", file, left)
		}
	}
	for _, table := range idx.Tables {
		if sums[table.Name].Cmp(big.NewInt(table.Rows)) != 0 && !asFiles[table.Name] {
			t.Fatalf("table %q has %d rows, its chunks have %d", table.Name, table.Rows, sums[table.Name])
		}
	}
	if all.Cmp(big.NewInt(idx.Rows)) != 0 {
		t.Fatalf("the tables have %d rows, the dump %d", all, idx.Rows)
	}
}

// checkFuzzedFiles fills in the sizes of all files and returns which tables are stored as files.
func checkFuzzedFiles(t *testing.T, idx *Index, sizes map[string]*big.Int) (asFiles map[string]bool) {
	t.Helper()
	asFiles = make(map[string]bool)
	for _, table := range idx.Baked.Tables {
		if asFiles[table.Name] || len(table.Files) == 0 {
			t.Fatalf("table %q is there twice, or has no files", table.Name)
		}
		asFiles[table.Name] = true
		for _, file := range table.Files {
			name := table.Name + "/" + file.Name
			if sizes[name] != nil || file.Size < 1 || strings.Contains(file.Name, "/") {
				t.Fatalf("file %q is there twice, or has %d bytes", name, file.Size)
			}
			sizes[name] = big.NewInt(file.Size)
		}
	}
	for _, table := range idx.Tables {
		delete(asFiles, table.Name)
	}
	if len(asFiles) > 0 {
		t.Fatalf("files of tables %v that the dump does not have", asFiles)
	}
	for _, table := range idx.Baked.Tables {
		asFiles[table.Name] = true
	}
	return asFiles
}

func FuzzNewReader(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, object []byte) {
		for c := range endings {
			r, err := NewReader(bytes.NewReader(object), c)
			if err == nil {
				err = limited(r)
			}
			if err != nil && err != io.EOF && !typed(err) {
				t.Fatalf("%s: error without a type: %v", c, err)
			}
		}
	})
}

// FuzzVerify alters a dump of ours and holds all readers to its SQL.
func FuzzVerify(f *testing.F) {
	f.Add(true, uint16(30), []byte{1})
	f.Add(false, uint16(400), []byte{0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, gzip bool, at uint16, change []byte) {
		c := Zstd
		if gzip {
			c = Gzip
		}
		for _, make := range kinds {
			object, sql := make(t, c, 1900)
			for i, b := range change {
				if n := int(at) + i; n < len(object) {
					object[n] ^= b
				}
			}
			readAll(t, "fuzzed", object, sql, c)
		}
	})
}
