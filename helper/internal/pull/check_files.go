package pull

import (
	"fmt"
	"io"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/innodb"
)

// withoutFiles reads the SQL of an object with tables as files and skips the files between. It checks each file: its pages
// must have the size that the index says. The content comes from [dumpfile.NewVerifier], which ends after the last chunk
// and nowhere else.
type withoutFiles struct {
	content io.Reader
	chunks  []dumpfile.Chunk // the next chunks
	left    int64            // bytes that are left of the current chunk of SQL
	files   fileChecker
	err     error // of a file; every read returns it from then on
}

func newWithoutFiles(content io.Reader, index *dumpfile.Index) *withoutFiles {
	return &withoutFiles{content: content, chunks: index.Chunks, files: fileChecker{tables: index.Baked.Tables, pageSize: index.Baked.PageSize}}
}

func (w *withoutFiles) Read(p []byte) (int, error) {
	for w.left == 0 && w.err == nil {
		if len(w.chunks) == 0 {
			return w.content.Read(p) // the end, or an error after the last chunk
		}
		chunk := w.chunks[0]
		w.chunks = w.chunks[1:]
		if chunk.Section != dump.Files {
			w.left = chunk.RawSize
			continue
		}
		_, w.err = io.CopyN(&w.files, w.content, chunk.RawSize)
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.content.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	return n, err
}

// fileChecker checks the content of all files, one after the other.
type fileChecker struct {
	tables   []dumpfile.BakedTable // the current one and the next ones
	file     int                   // the number of the current file in its table
	written  int64                 // bytes of that file
	head     []byte                // its first bytes, up to the size of a header
	pageSize int64
}

func (c *fileChecker) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		table := c.tables[0] // exists: the index was checked, and the content has exactly the bytes of its files
		file := table.Files[c.file]
		n := min(int64(len(rest)), file.Size-c.written)
		c.head = append(c.head, rest[:min(int(n), innodb.HeaderSize-len(c.head))]...)
		c.written += n
		rest = rest[n:]
		if c.written < file.Size {
			break
		}
		if err := c.end(table.Name, file); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// end checks the complete file and moves on to the next one.
func (c *fileChecker) end(table string, file dumpfile.BakedFile) error {
	if strings.HasSuffix(file.Name, innodb.FileEnding) {
		if err := innodb.CheckFile(c.head, c.pageSize, file.Size); err != nil {
			return fmt.Errorf("%w: file %q of table %q: %w", ErrIncomplete, file.Name, table, err)
		}
	}
	c.written, c.head = 0, c.head[:0]
	if c.file++; c.file == len(c.tables[0].Files) {
		c.tables, c.file = c.tables[1:], 0
	}
	return nil
}
