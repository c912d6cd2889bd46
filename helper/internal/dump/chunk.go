// Package dump has the types that all parts share: sections, chunks, functions that pass them on, and progress.
package dump

// Chunk is one or more whole statements of a dump.
type Chunk struct {
	Section Section
	Table   string // the table of its rows, as Info names it
	Rows    int64
	SQL     []byte
}

// ChunkBytes is about how much SQL a chunk of rows has. Together with the number of connections it limits the memory
// of a dump. Smaller chunks stay in a core's cache between being written and being compressed: a dump of 1 GB takes 3
// % less time with 2 MiB than with 4, and no less with 1.
const ChunkBytes = 2 << 20

// Emit takes over a chunk together with its buffer, and returns an empty buffer for the next one, possibly nil.
// Several goroutines may call it at once. It blocks while the receiver is busy.
type Emit func(Chunk) (spare []byte, err error)

// FullChunk is the size at which a chunk is emitted. It leaves some room, because the rows of a page are estimated.
const FullChunk = ChunkBytes - ChunkBytes/16
