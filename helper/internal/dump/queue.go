package dump

// Queue keeps complete chunks until they may be emitted: while a query is open, its table is locked, and the receiver may take long. It
// also keeps empty buffers for the next chunks. It is for one goroutine.
type Queue struct {
	emit   Emit
	chunks []Chunk
	bytes  int
	spares [][]byte
}

// mostSpares bounds the memory of a Queue.
const mostSpares = 4

// NewQueue returns a Queue in front of a receiver.
func NewQueue(emit Emit) *Queue { return &Queue{emit: emit} }

// Add adds a chunk and takes over its buffer.
func (q *Queue) Add(chunk Chunk) {
	q.chunks = append(q.chunks, chunk)
	q.bytes += len(chunk.SQL)
}

// IsLong reports whether the chunks should no longer wait: a page of rows, and what was left of the one before, have fewer bytes.
func (q *Queue) IsLong() bool { return q.bytes >= 2*ChunkBytes }

// Emit emits all chunks.
func (q *Queue) Emit() error {
	for i, chunk := range q.chunks {
		q.chunks[i] = Chunk{}
		spare, err := q.emit(chunk)
		if err != nil {
			return err
		}
		q.Keep(spare)
	}
	q.chunks, q.bytes = q.chunks[:0], 0
	return nil
}

// Buffer returns an empty buffer; a new one has the given capacity.
func (q *Queue) Buffer(capacity int) []byte {
	if n := len(q.spares); n > 0 {
		buf := q.spares[n-1]
		q.spares = q.spares[:n-1]
		return buf
	}
	return make([]byte, 0, capacity)
}

// Keep keeps a buffer that is no longer needed.
func (q *Queue) Keep(buf []byte) {
	if cap(buf) > 0 && len(q.spares) < mostSpares {
		q.spares = append(q.spares, buf[:0])
	}
}
