package dump

import (
	"context"
	"crypto/sha256"
)

// Section is what the statements of a chunk are for.
type Section string

const (
	// Head is what comes before all rows: settings, tables.
	Head Section = "head"
	// Rows is rows of one table; every line is a whole statement, and the order of chunks does not matter.
	Rows Section = "rows"
	// Files is a stretch of a file of one table, whose rows are in it. The stretches of a file follow one another.
	Files Section = "files"
	// Tail is what comes after all rows: views, triggers, indexes.
	Tail Section = "tail"
)

// StoredChunk is a stretch of a dump's text, some whole statements.
type StoredChunk struct {
	Section Section
	Table   string // whose rows they are, or whose file
	File    string // of a chunk of Files: what the file's name has behind the table's, as in ".ibd"
	Rows    int64
	Bytes   int64 // of text, or of the file
}

// Chunks is a dump that can be read in pieces.
type Chunks interface {
	// List gives all chunks in the order in which they restore the dump: heads, rows, files, tails.
	List() []StoredChunk
	// Tables gives those that come as files, in the order of their chunks; there are none in a dump.
	Tables() []FileTable
	// Open gives what reads their texts, for one goroutine.
	Open() (ChunkReader, error)
}

// ChunkReader reads the texts of chunks.
type ChunkReader interface {
	// Read gives the text, or the stretch of a file, of the i-th chunk of the list, valid until the next call. It waits where the chunk
	// has yet to be fetched. Text whose checksum is wrong is never given.
	Read(ctx context.Context, i int) ([]byte, error)
	// Has says whether Read would not wait for the i-th chunk.
	Has(i int) bool
	Close()
}

// FileTable is a table that comes as files.
type FileTable struct {
	Name string
	// Definition is DefinitionSum of the table on the server that wrote the files.
	Definition [sha256.Size]byte
	Rows       int64
	// Checksum is CHECKSUM TABLE of its rows on that server, 0 where it is not known. Nothing is compared with it but what the same
	// table has later: by that a pull knows whether it was changed.
	Checksum uint32
	Files    []TableFile
}

// TableFile is a file of a table.
type TableFile struct {
	Name string // what it has behind the name of the table: ".ibd"
	Size int64  // bytes
}

// LeftTable is a table that does not come as files.
type LeftTable struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}
