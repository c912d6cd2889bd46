package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
)

// seeds has the beginnings for the fuzzers: dumps of ours, and of others.
func seeds(f *testing.F) {
	for _, c := range written {
		object, _ := smallDump(f, c, 0)
		f.Add(object)
		padded, _ := smallDump(f, c, 1100)
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
	object, sql := smallDump(f, Zstd, 0)
	at := readIndex(f, object, Zstd).at
	f.Add(object[int(at)+skippableHeader+indexHeader : bytes.LastIndexByte(object, '}')+1])
	f.Add([]byte(`{"format":1,"compression":"zstd","chunks":[]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, c := range written {
			object, _ := smallDump(t, c, 0)
			idx := readIndex(t, object, c)
			sum := sha256.Sum256(text)
			block := append(append([]byte(indexMark), sum[:]...), text...)
			object = append(object[:idx.at], containerOf(c).tail(block, idx.Chunks, 0)...)
			idx, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c)
			if err == nil {
				_, err = Verify(bytes.NewReader(object), c, idx)
			}
			if err == nil && idx.RawBytes != int64(len(sql)) || err != nil && !typed(err) {
				t.Fatalf("%s: %v", c, err)
			}
		}
	})
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
		object, sql := smallDump(t, c, 1100)
		for i, b := range change {
			if n := int(at) + i; n < len(object) {
				object[n] ^= b
			}
		}
		readAll(t, "fuzzed", object, sql, c)
	})
}
