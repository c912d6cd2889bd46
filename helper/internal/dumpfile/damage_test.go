package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// readAll reads a dump in every way there is. It returns what the strictest of them, the verifier,
// thinks of it, and fails the test if any of them hands on wrong SQL as a whole dump.
func readAll(t *testing.T, what string, object, sql []byte, c Compression) error {
	t.Helper()
	var damaged *DamagedError
	check := func(how string, got []byte, err error) {
		switch {
		case err == nil && how == "NewReader" && len(got) == 0:
			// A member's extra field can be made so long that it holds all the rest: then the file is gzip's form of
			// nothing, which nobody takes for a dump. Where it is known to be one of ours, its index tells.
		case err == nil && !bytes.Equal(got, sql):
			t.Errorf("%s: %s took %q for the dump", what, how, got)
		case err != nil && !typed(err):
			t.Errorf("%s: %s: error without a type: %v", what, how, err)
		case errors.As(err, &damaged) && (damaged.Offset < 0 || damaged.Offset > int64(len(object))):
			t.Errorf("%s: %s: no such byte: %v", what, how, err)
		}
		// A stream is known to be damaged only behind the damage; with an index, nothing wrong is handed on.
		if how != "NewReader" && !bytes.HasPrefix(sql, got) {
			t.Errorf("%s: %s handed on wrong SQL", what, how)
		}
	}
	r, err := NewReader(bytes.NewReader(object), c)
	var got []byte
	if err == nil {
		got, err = io.ReadAll(r)
		r.Close()
	}
	check("NewReader", got, err)

	idx, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c)
	if err != nil {
		if !errors.Is(err, ErrNoIndex) {
			check("ReadIndex", sql, err)
		}
		return err
	}
	r, err = NewChunkReader(bytes.NewReader(object), idx, 2)
	if err != nil {
		t.Fatal(err)
	}
	got, err = io.ReadAll(r)
	r.Close()
	check("NewChunkReader", got, err)

	v, err := NewVerifier(bytes.NewReader(object), c, idx)
	if err != nil {
		t.Fatal(err)
	}
	got, err = io.ReadAll(v)
	v.Close()
	check("NewVerifier", got, err)
	return err
}

// A dump that lost its end is never taken for a whole one, wherever it was cut, also where a frame or
// member ends: drush#1148 and others had such dumps become the newest backup.
func TestCutAnywhere(t *testing.T) {
	for kind, make := range kinds {
		for _, c := range written {
			object, sql := make(t, c, 1900)
			for n := range len(object) {
				what := fmt.Sprintf("%s, %s cut to %d of %d", kind, c, n, len(object))
				err := readAll(t, what, object[:n], sql, c)
				if err == nil {
					t.Errorf("%s: found right", what)
				}
				if n >= len(containerOf(c).signature()) && errors.Is(err, ErrNoIndex) {
					t.Errorf("%s: taken for a foreign dump", what)
				}
				r, err := NewReader(bytes.NewReader(object[:n]), c)
				if err == nil {
					_, err = io.ReadAll(r)
					r.Close()
				}
				// What is left of the signature alone looks like anybody's file.
				if n >= len(containerOf(c).signature()) && !errors.Is(err, ErrTruncated) {
					t.Errorf("%s: NewReader: %v", what, err)
				}
			}
		}
	}
}

// A flipped bit is detected or changes nothing.
func TestFlipEachByte(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for kind, make := range kinds {
		for _, c := range written {
			object, sql := make(t, c, 1900)
			idx := readIndex(t, object, c)
			harmless := 0
			for i := range object {
				for _, bit := range []byte{0x01, 0x10, 0x80} {
					damaged := bytes.Clone(object)
					damaged[i] ^= bit
					what := fmt.Sprintf("%s, %s byte %d bit %#x", kind, c, i, bit)
					if err := readAll(t, what, damaged, sql, c); err == nil {
						harmless++ // a window's size, the time in a gzip header and the like
						if i >= int(idx.at) {
							t.Errorf("%s: the index was altered and found right", what)
						}
					}
				}
			}
			// Per chunk: the window of a zstd frame; time, system and hints of a gzip header.
			if harmless > 24*len(idx.Chunks) {
				t.Errorf("%s, %s: %d flips were not detected", kind, c, harmless)
			}
		}
	}
}

// What follows the end is not part of a dump.
func TestAppended(t *testing.T) {
	for _, c := range written {
		object, sql := smallDump(t, c, 0)
		idx := readIndex(t, object, c)
		longer := append(bytes.Clone(object), object...)
		if _, err := Verify(bytes.NewReader(longer), c, idx); !errors.Is(err, ErrCorrupt) {
			t.Error(c, err)
		}
		if err := readAll(t, "twice", append(longer[:0:0], longer...), append(sql, sql...), c); err == nil {
			t.Error(c, "two dumps one after the other are no dump")
		}
	}
}

// The index of another dump does not fit, even if the sizes do.
func TestOtherIndex(t *testing.T) {
	for _, c := range written {
		object, _ := smallDump(t, c, 0)
		idx := readIndex(t, object, c)
		idx.Chunks[1].SHA256[0]++
		if _, err := Verify(bytes.NewReader(object), c, idx); !errors.Is(err, ErrCorrupt) {
			t.Error(c, "Verify:", err)
		}
		r, err := NewChunkReader(bytes.NewReader(object), idx, 2)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if !errors.Is(err, ErrCorrupt) || int64(len(got)) != idx.Chunks[0].RawSize {
			t.Errorf("%s: NewChunkReader read %d bytes, %v", c, len(got), err)
		}
	}
}

// A forged index passes its own checksum; what it says is checked all the same.
func TestForgedIndex(t *testing.T) {
	forgeries := map[string]func(idx *Index){
		"no format":           func(idx *Index) { idx.Format = 0 },
		"compression":         func(idx *Index) { idx.Compression = XZ },
		"negative rows":       func(idx *Index) { idx.Rows = -1 },
		"negative table rows": func(idx *Index) { idx.Tables = []Table{{"a", -2}} },
		"raw bytes":           func(idx *Index) { idx.RawBytes++ },
		"offset":              func(idx *Index) { idx.Chunks[1].Offset++ },
		"first offset":        func(idx *Index) { idx.Chunks[0].Offset = 0 },
		"huge chunk":          func(idx *Index) { idx.Chunks[2].RawSize = 1 << 40; idx.RawBytes += 1 << 40 },
		"empty chunk":         func(idx *Index) { idx.Chunks[2].Size = 0 },
		"negative chunk":      func(idx *Index) { idx.Chunks[2].Size = -1 },
		"behind the end":      func(idx *Index) { idx.Chunks[2].Size = 1 << 20 },
	}
	for name, forge := range forgeries {
		for _, c := range written {
			object, sql := smallDump(t, c, 0)
			forged := replaceIndex(t, object, c, forge)
			err := readAll(t, name, forged, sql, c)
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s, %s: %v", name, c, err)
			}
		}
	}
	for _, c := range written {
		object, _ := smallDump(t, c, 0)
		// A chunk that is left out lies where padding may be, and is none.
		forged := replaceIndex(t, object, c, func(idx *Index) {
			idx.RawBytes -= idx.Chunks[2].RawSize
			idx.Chunks = idx.Chunks[:2]
		})
		idx, err := ReadIndex(bytes.NewReader(forged), int64(len(forged)), c)
		if err == nil {
			_, err = Verify(bytes.NewReader(forged), c, idx)
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Error(c, err)
		}

		newer := replaceIndex(t, object, c, func(idx *Index) { idx.Format = 2 })
		_, err = ReadIndex(bytes.NewReader(newer), int64(len(newer)), c)
		var format *NewerFormatError
		if !errors.As(err, &format) || format.ToolVersion != testIndex.ToolVersion {
			t.Error(c, err)
		}
	}
}

// The seek table and the index say the same twice; if they do not, neither is believed.
func TestForgedSeekTable(t *testing.T) {
	for _, forge := range []func(chunks []Chunk){
		func(chunks []Chunk) { chunks[2].RawSize++ },
		func(chunks []Chunk) { chunks[0].Size++; chunks[1].Size-- },
		func(chunks []Chunk) { chunks[0].Size += chunks[1].Size; chunks[1].Size = 0 },
	} {
		object, _ := smallDump(t, Zstd, 0)
		idx := readIndex(t, object, Zstd)
		block, err := idx.encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		forge(idx.Chunks)
		forged := append(object[:idx.at:idx.at], zstdContainer{}.tail(block, idx.Chunks, 0)...)
		if _, err := ReadIndex(bytes.NewReader(forged), int64(len(forged)), Zstd); !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	}
}

// replaceIndex returns the dump with another index, all checksums right.
func replaceIndex(t testing.TB, object []byte, c Compression, change func(*Index)) []byte {
	t.Helper()
	idx := readIndex(t, object, c)
	chunks := append([]Chunk(nil), idx.Chunks...)
	at := idx.at
	change(idx)
	block, err := idx.encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(object[:at:at], containerOf(c).tail(block, chunks, 0)...)
}

// A file that claims huge sizes must not make the reader allocate them.
func TestHugeClaims(t *testing.T) {
	seek := func(frames uint32) []byte {
		object := append(bytes.Clone(zstdSignature), make([]byte, 100)...)
		object = append(object, byte(frames), byte(frames>>8), byte(frames>>16), byte(frames>>24), seekChecksums)
		return append(object, 0xB1, 0xEA, 0x92, 0x8F)
	}
	files := map[string][]byte{
		"seek table":  seek(1 << 20),
		"seek table2": seek(1<<32 - 1),
		"gzip index": append(bytes.Clone(gzipSignature),
			appendEmptyMember(nil, subfieldTrailer, appendTrailer(30, 1<<50))...),
		"gzip index2": append(bytes.Clone(gzipSignature),
			appendEmptyMember(nil, subfieldTrailer, appendTrailer(-1, -1))...),
	}
	for name, object := range files {
		for _, c := range written {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error(name, "was read")
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
				t.Errorf("%s: %d bytes allocated", name, allocated)
			}
		}
	}
}

// failingReader fails with an error of its own after some bytes.
type failingReader struct {
	r   io.Reader
	err error
}

func (f failingReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}

func (f failingReader) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// A connection that breaks is not a damaged dump, even if it says "unexpected EOF".
func TestSourceFails(t *testing.T) {
	for _, fault := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF} {
		for _, c := range written {
			object, _ := smallDump(t, c, 0)
			idx := readIndex(t, object, c)
			for _, n := range []int{0, 10, len(object) / 2, len(object)} {
				fails := failingReader{bytes.NewReader(object[:n]), fault}
				r, err := NewReader(fails, c)
				if err == nil {
					_, err = io.ReadAll(r)
					r.Close()
				}
				_, verifyErr := Verify(fails, c, idx)
				_, indexErr := ReadIndex(fails, int64(len(object)), c)
				for how, err := range map[string]error{"NewReader": err, "Verify": verifyErr, "ReadIndex": indexErr} {
					var damaged *DamagedError
					if err != nil && !errors.Is(err, fault) || errors.As(err, &damaged) {
						t.Errorf("%s after %d bytes, %s: %v", c, n, how, err)
					}
				}
				if err == nil {
					t.Errorf("%s: no error after %d bytes", c, n)
				}
			}
		}
	}
}

// sealed returns the block of an index with any text.
func sealed(text []byte) []byte {
	sum := sha256.Sum256(text)
	return append(append([]byte(indexMark), sum[:]...), text...)
}
