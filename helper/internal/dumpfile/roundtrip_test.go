package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRoundTrip(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	long := statements(30<<20, 900<<10)
	lists := map[string][][]byte{
		"empty":     nil,
		"short":     {[]byte("SELECT 1;\n")},
		"long":      long,
		"one piece": {bytes.Join(long, nil)}, // hard cuts inside a statement
	}
	for name, list := range lists {
		for _, c := range written {
			t.Run(fmt.Sprint(name, " ", c), func(t *testing.T) {
				var out output
				write(t, c, list, &out)
				object, sql := out.Bytes(), bytes.Join(list, nil)

				idx := readIndex(t, object, c)
				want := testIndex
				want.Format, want.Compression, want.RawBytes, want.Chunks = 1, c, int64(len(sql)), idx.Chunks
				if diff := cmp.Diff(&want, idx, cmpopts.IgnoreUnexported(Index{}, Chunk{})); diff != "" {
					t.Errorf("index (-want +got)\n%s", diff)
				}
				checkChunks(t, object, idx, list)

				readers := map[string]func() (io.ReadCloser, error){
					"NewReader":      func() (io.ReadCloser, error) { return NewReader(bytes.NewReader(object), c) },
					"NewChunkReader": func() (io.ReadCloser, error) { return NewChunkReader(bytes.NewReader(object), idx, 3) },
					"NewVerifier":    func() (io.ReadCloser, error) { return NewVerifier(bytes.NewReader(object), c, idx) },
				}
				for name, open := range readers {
					r, err := open()
					if err != nil {
						t.Fatal(name, err)
					}
					got, err := io.ReadAll(r)
					if err != nil || !bytes.Equal(got, sql) {
						t.Errorf("%s read %d bytes of %d, equal %v, error %v", name, len(got), len(sql), bytes.Equal(got, sql), err)
					}
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// checkChunks looks at where the chunks of a text were cut.
func checkChunks(t *testing.T, object []byte, idx *Index, list [][]byte) {
	t.Helper()
	ends := map[int64]bool{}
	var end int64
	for _, s := range list {
		end += int64(len(s))
		ends[end] = true
	}
	var at int64
	for i, chunk := range idx.Chunks {
		at += chunk.RawSize
		if sha256.Sum256(object[chunk.Offset:chunk.Offset+chunk.Size]) != chunk.SHA256 {
			t.Errorf("chunk %d: another SHA-256", i)
		}
		if chunk.Partial == ends[at] {
			t.Errorf("chunk %d: partial %v, ends with a statement %v", i, chunk.Partial, ends[at])
		}
		if last := i == len(idx.Chunks)-1; !last && (chunk.RawSize < chunkRaw || chunk.RawSize > hardChunkRaw) {
			t.Errorf("chunk %d has %d bytes", i, chunk.RawSize)
		}
	}
}

// Plain tools are the judges of promise 1: a dump is one plain object.
func TestPlainTools(t *testing.T) {
	if testing.Short() {
		t.Skip("zstd and gzip are not started by short tests")
	}
	list := statements(11<<20, 900<<10)
	sql := bytes.Join(list, nil)
	tools := map[Compression][][]string{
		Zstd: {{"zstd", "-dc"}, {"zstd", "-t"}, {"zstd", "-l"}},
		Gzip: {{"gunzip", "-c"}, {"gzip", "-t"}, {"gzip", "-l"}},
	}
	for _, c := range written {
		// Without padding, with some, and with as little as leads beyond the part.
		var plain output
		write(t, c, list, &plain)
		size := int64(plain.Len())
		for _, partEnd := range []int64{0, size - 1, size, size + 1, size + 12, size + 100_003} {
			out := output{partEnd: partEnd}
			write(t, c, list, &out)
			got := int64(out.Len())
			if partEnd <= size && got != size || got < partEnd || partEnd > size+100 && got != partEnd {
				t.Errorf("%s: a dump of %d bytes has %d with a part that ends at %d", c, size, got, partEnd)
			}
			idx := readIndex(t, out.Bytes(), c)
			if n, err := Verify(bytes.NewReader(out.Bytes()), c, idx); err != nil || n != int64(len(sql)) {
				t.Errorf("%s, part of %d: Verify %d, %v", c, partEnd, n, err)
			}
			path := filepath.Join(t.TempDir(), "x"+c.Ending())
			if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, tool := range tools[c] {
				text, err := exec.Command(tool[0], append(tool[1:], path)...).Output()
				if err != nil {
					t.Errorf("%v, part of %d: %v", tool, partEnd, err)
				}
				if strings.HasSuffix(tool[1], "c") && !bytes.Equal(text, sql) {
					t.Errorf("%v, part of %d: other SQL", tool, partEnd)
				}
			}
		}
	}
}

// The seek table is the seekable format's: anybody's reader finds a frame with it.
func TestSeekTable(t *testing.T) {
	if testing.Short() {
		t.Skip("zstd is not started by short tests")
	}
	object, sql := smallDump(t, Zstd, 2000)
	tail, err := newTailReader(bytes.NewReader(object), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	frames, _, err := readSeekTable(tail)
	if err != nil {
		t.Fatal(err)
	}
	if len(frames) != 6 { // signature, three chunks, padding, index
		t.Fatalf("%d frames", len(frames))
	}
	var at, raw int64
	for i, frame := range frames {
		cmd := exec.Command("zstd", "-dc")
		cmd.Stdin = bytes.NewReader(object[at : at+frame.size])
		text, err := cmd.Output()
		if err != nil || string(text) != string(sql[raw:raw+frame.rawSize]) {
			t.Errorf("frame %d: %q, %v", i, text, err)
		}
		at += frame.size
		raw += frame.rawSize
	}
}

func TestByName(t *testing.T) {
	for name, want := range map[string]Compression{
		"a.sql.zst": Zstd, "p/a.sql.gz": Gzip, "a.sql.bz2": Bzip2, "a.sql.xz": XZ, "a.sql": None, "a.gz": "", "a": "",
	} {
		if got, ok := ByName(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	if Zstd.Ending() != ".sql.zst" {
		t.Error(Zstd.Ending())
	}
}
