// Package dump has the words that reading and loading a dump share: sections, chunks, and who hands them on.
package dump

// Chunk is some whole statements of a dump.
type Chunk struct {
	Section Section
	Table   string // whose rows they are, as Info names it
	Rows    int64
	SQL     []byte
}

// ChunkBytes is about how much SQL a chunk of rows has. It bounds, with the number of connections, the memory
// that a dump takes. Smaller ones stay in the cache of a core from being written to being compressed: a dump of 1 GB takes 3 %
// less time with 2 MiB than with 4, and no less with 1.
const ChunkBytes = 2 << 20

// Emit takes a chunk, whose buffer then belongs to whoever took it, and gives another buffer without content,
// nil perhaps. It may be called by several goroutines at once, and waits while nobody can take more.
type Emit func(Chunk) (spare []byte, err error)

// FullChunk is when a chunk is emitted: the rows of a page are estimated.
const FullChunk = ChunkBytes - ChunkBytes/16
