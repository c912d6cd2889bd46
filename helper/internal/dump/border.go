package dump

// Chunks of rows end at borders that depend on the rows alone: not on sizes of pages, on the number of connections or on estimates. So a
// change moves only the chunk that it falls into, and the next dump has all others again, byte for byte.
//
// A row begins a chunk if the hash of its key is below a limit that grows with the row, so that a border comes about every borderGap bytes.
// A chunk has at least LeastChunk bytes, which spares tiny ones, and at most ChunkBytes. After either of them decided, the next borders
// bring dumps into step again.

// LeastChunk is the least size of a chunk of rows, in bytes of SQL, but for the last one of a range.
const LeastChunk = 256 << 10

// borderGap is how far borders are apart on the average, in bytes of SQL.
const borderGap = 384 << 10

// KeyHash is the hash of a row's key: FNV-1a of its bytes, http://www.isthe.com/chongo/tech/comp/fnv.
type KeyHash uint64

// NewKeyHash returns the hash of no bytes.
func NewKeyHash() KeyHash { return 14695981039346656037 }

// Add adds bytes to the hash.
func (h KeyHash) Add(p []byte) KeyHash {
	for _, b := range p {
		h = (h ^ KeyHash(b)) * 1099511628211
	}
	return h
}

// BeginsChunk reports whether a row with that hash and that many bytes of SQL is the first one of a chunk, behind a chunk of so
// far that many bytes.
func (h KeyHash) BeginsChunk(row, chunk int) bool {
	switch {
	case chunk < LeastChunk:
		return false
	case chunk+row > ChunkBytes:
		return true
	}
	// The finalizer of MurmurHash3: the high bits of FNV-1a hardly depend on the last bytes.
	mixed := uint64(h)
	mixed = (mixed ^ mixed>>33) * 0xff51afd7ed558ccd
	mixed = (mixed ^ mixed>>33) * 0xc4ceb9fe1a85ec53
	mixed ^= mixed >> 33
	return mixed>>32*borderGap < uint64(row)<<32
}
