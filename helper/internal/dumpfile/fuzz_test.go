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
	}
	for _, command := range []string{"zstd", "gzip", "bzip2", "xz", "cat"} {
		f.Add(compress(f, []byte("INSERT INTO a VALUES (1);\n"), command))
	}
}

// typed tells whether an error says what is wrong with a dump.
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

// small is a dump of which every byte can be tried.
type small struct {
	c           Compression
	object, sql []byte
}

// smallDumps are those with sections and those without.
func smallDumps(t testing.TB) []small {
	var list []small
	for _, c := range written {
		object, sql := smallDump(t, c, 0)
		sectioned, sectionedSQL := smallSections(t, c, 0)
		list = append(list, small{c, object, sql}, small{c, sectioned, sectionedSQL})
	}
	return list
}

// indexText is the JSON of a dump's index.
func indexText(t testing.TB, object []byte, c Compression) []byte {
	t.Helper()
	block, err := readIndex(t, object, c).encode()
	if err != nil {
		t.Fatal(err)
	}
	return block[indexHeader:]
}

// FuzzIndexFields changes fields of the index of a dump with sections, and nothing else: it comes behind the
// checks of text and sizes where FuzzIndexText stays before them. What is taken for right must be, by sums that
// cannot overflow.
func FuzzIndexFields(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte("\x03\x01\xff\xff\xff\xff\xff\xff\xff\x7f\x03\x02\xff\xff\xff\xff\xff\xff\xff\x7f\x05\x00\x05\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x03\x02\x00\x00\x00\x00\x00\x00\x00\x00\x03\x01\x03\x00\x00\x00\x00\x00\x00\x00"))
	dumps := make(map[Compression]small)
	for _, c := range written {
		object, sql := smallSections(f, c, 0)
		dumps[c] = small{c, object, sql}
	}
	f.Fuzz(func(t *testing.T, changes []byte) {
		for _, c := range written {
			object := replaceIndex(t, dumps[c].object, c, func(idx *Index) {
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
			if n, err := Verify(bytes.NewReader(object), c, idx); err == nil && n != int64(len(dumps[c].sql)) || err != nil && !typed(err) {
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
	switch field % 14 {
	case 0:
		at.Partial = value%2 != 0
	case 1:
		at.Section = []Section{"", SectionHead, SectionRows, SectionTail, "body"}[small]
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
	for _, chunk := range idx.Chunks {
		part := string(chunk.Section) + " " + chunk.Table
		if open != "" && open != part {
			t.Fatalf("%q goes on with %q", part, open)
		}
		if open = ""; chunk.Partial {
			open = part
		}
		order.WriteString(string(chunk.Section) + " ")
		if chunk.Section == SectionRows {
			sums[chunk.Table].Add(sums[chunk.Table], big.NewInt(chunk.Rows))
		} else if chunk.Table != "" || chunk.Rows != 0 {
			t.Fatalf("rows outside of their section: %+v", chunk)
		}
	}
	if open != "" {
		t.Fatalf("%q does not end", open)
	}
	if !regexp.MustCompile(`^( *|(head )*(rows )*(tail )*)$`).MatchString(order.String()) {
		t.Fatalf("order %q", order.String())
	}
	if !idx.Sectioned() {
		return
	}
	for _, table := range idx.Tables {
		if sums[table.Name].Cmp(big.NewInt(table.Rows)) != 0 {
			t.Fatalf("table %q has %d rows, its chunks have %d", table.Name, table.Rows, sums[table.Name])
		}
	}
	if all.Cmp(big.NewInt(idx.Rows)) != 0 {
		t.Fatalf("the tables have %d rows, the dump %d", all, idx.Rows)
	}
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
