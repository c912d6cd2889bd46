package tablespace

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// TestTablespaceWrite writes chunks in pieces: with blocks that hold nothing where pieces end, and with an end between blocks.
func TestTablespaceWrite(t *testing.T) {
	block := len(zeros)
	random := rand.NewChaCha8([32]byte{1})
	text := make([]byte, 2*writeSize+3*block+100)
	_, _ = random.Read(text)
	clear(text[:block])
	clear(text[writeSize-2*block : writeSize+block])
	clear(text[2*writeSize : 2*writeSize+block])
	empty := make([]byte, 2*writeSize)
	for name, chunks := range map[string][][]byte{
		"pieces and blocks":    {text},
		"nothing":              {empty},
		"less than a block":    {text[writeSize : writeSize+10]},
		"one behind the other": {text[:writeSize+block], empty, text},
	} {
		for _, sparse := range []bool{false, true} {
			file, err := os.Create(filepath.Join(t.TempDir(), "t.cfg"))
			targettest.Must(t, err)
			space := &Tablespace{FileTable: dump.FileTable{Files: []dump.TableFile{{Name: ".cfg"}}}, files: []*os.File{file}, sparse: []bool{sparse}}
			want := bytes.Join(chunks, nil)
			targettest.Must(t, file.Truncate(int64(len(want))))
			offset := int64(0)
			for _, chunk := range chunks {
				targettest.Must(t, space.Write(Segment{Offset: offset}, chunk))
				offset += int64(len(chunk))
			}
			targettest.Must(t, space.Close())
			got, err := os.ReadFile(file.Name())
			targettest.Must(t, err)
			if !bytes.Equal(got, want) {
				t.Errorf("%s (sparse: %t): the file is not what was written", name, sparse)
			}
		}
	}
}
