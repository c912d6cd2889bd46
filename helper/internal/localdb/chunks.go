package localdb

import "context"

// Section is what the statements of a chunk are for.
type Section string

const (
	// Head is what comes before all rows: settings, tables.
	Head Section = "head"
	// Rows is rows of one table; every line is a whole statement, and the order of chunks does not matter.
	Rows Section = "rows"
	// Tail is what comes after all rows: views, triggers, indexes.
	Tail Section = "tail"
)

// Chunk is a stretch of a dump's text, some whole statements.
type Chunk struct {
	Section Section
	Table   string // whose rows they are
	Rows    int64
	Bytes   int64 // of text
}

// Chunks is a dump that can be read in pieces.
type Chunks interface {
	// List gives all chunks in the order in which they restore the dump: heads, rows, tails.
	List() []Chunk
	// Open gives what reads their texts, for one goroutine.
	Open() (ChunkReader, error)
}

// ChunkReader reads the texts of chunks.
type ChunkReader interface {
	// Read gives the text of the i-th chunk of the list, valid until the next call. It waits where the chunk
	// has yet to be fetched. Text whose checksum is wrong is never given.
	Read(ctx context.Context, i int) ([]byte, error)
	Close()
}
