package dump

import (
	"context"
	"crypto/sha256"
	"io"
)

// Section is the purpose of a chunk's statements. The index of a dump stores it under this name.
type Section string

const (
	// Head is everything before the rows: settings and tables.
	Head Section = "head"
	// Rows is rows of one table. Every line is a whole statement. Chunks may be loaded in any order and at the same time.
	Rows Section = "rows"
	// Files is a segment of a table's file, which contains its rows. The segments of a file follow one another. Only an object
	// with tables as files has such chunks.
	Files Section = "files"
	// Tail is everything after the rows: views, triggers, indexes.
	Tail Section = "tail"
)

// StoredChunk is a range of a dump's text with whole statements, or a segment of a file.
type StoredChunk struct {
	Section Section
	Table   string // the table of its rows or its file
	File    string // for Files: the end of the file's name after the table's name, as in ".ibd"
	Rows    int64
	Bytes   int64 // of text, or of the file
}

// LongChunk is the length, in bytes, from which on the text of a chunk is streamed.
const LongChunk = 16 << 20

// IsLong reports whether a chunk of rows is to be streamed.
func (c StoredChunk) IsLong() bool { return c.Section == Rows && c.Bytes > LongChunk }

// Chunks is a dump that can be read in pieces.
type Chunks interface {
	// List returns all chunks in the order in which they restore the dump: heads, rows, files, tails.
	List() []StoredChunk
	// Tables returns the tables that are stored as files, in the order of their chunks. An ordinary dump has none.
	Tables() []FileTable
	// Open returns a reader of the texts, for one goroutine.
	Open() (ChunkReader, error)
}

// ChunkReader reads the texts of chunks.
type ChunkReader interface {
	// Read returns the text, or the segment of a file, of the i-th chunk of the list, valid until the next call. It
	// waits for a chunk that is yet to be fetched. It never returns text with a wrong checksum.
	Read(ctx context.Context, i int) ([]byte, error)
	// Has reports whether Read would return the i-th chunk without waiting.
	Has(i int) bool
	// Stream reads the text of the i-th chunk in parts, for a text that is too long for the memory. Read must not be called meanwhile.
	Stream(ctx context.Context, i int) io.Reader
	Close()
}

// FileTable is a table that is stored as files.
type FileTable struct {
	Name string
	// Definition is DefinitionSum of the table on the server that wrote the files.
	Definition [sha256.Size]byte
	Rows       int64
	// Checksum is CHECKSUM TABLE of its rows on that server, 0 if unknown. It is compared only with a later checksum
	// of the same table, so that a pull can tell whether the table was changed.
	Checksum uint32
	Files    []TableFile
}

// TableFile is a file of a table.
type TableFile struct {
	Name string // what follows the name of the table: ".ibd"
	Size int64  // bytes
}

// LeftTable is a table that is not stored as files.
type LeftTable struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}
