package dumpfile

import (
	"io"
	"sync"
)

// chunkReader decompresses chunks in parallel and returns them in order.
type chunkReader struct {
	queue chan *fetch
	free  chan []byte // buffers for SQL
	stop  func()      // closes stopped
	group sync.WaitGroup

	current []byte // SQL that has not been read yet
	buf     []byte // the buffer that current is in
	err     error
}

// fetch is a chunk that is being read and decompressed.
type fetch struct {
	chunk Chunk
	raw   []byte // first a free buffer, then the SQL
	err   error
	done  chan struct{}
}

// NewChunkReader reads the SQL of one of our dumps from its chunks. It decompresses ahead of the reader on that many
// workers, at most four; 0 means one for each processor. The index is the one that [ReadIndex] found in r. A chunk's SHA-256 is
// checked before any of its bytes is returned.
//
// Read returns a *[DamagedError] for a chunk that does not match the index, and errors of r wrapped. Close must be called. It
// waits for a running ReadAt and does not close r.
func NewChunkReader(r io.ReaderAt, idx *Index, workers int) (io.ReadCloser, error) {
	workers = min(workerCount(workers), max(len(idx.Chunks), 1))
	decoders := make([]*ChunkDecoder, workers)
	for i := range decoders {
		var err error
		if decoders[i], err = NewChunkDecoder(idx); err != nil {
			return nil, err
		}
	}
	stopped := make(chan struct{})
	c := &chunkReader{
		queue: make(chan *fetch, workers+1),
		free:  make(chan []byte, workers+1),
		stop:  sync.OnceFunc(func() { close(stopped) }),
	}
	for range cap(c.free) {
		c.free <- nil
	}
	jobs := make(chan *fetch, workers+1)
	c.group.Go(func() { c.schedule(stopped, idx.Chunks, jobs) })
	for _, dec := range decoders {
		c.group.Go(func() {
			defer dec.Close()
			readChunks(r, dec, jobs)
		})
	}
	return c, nil
}

// schedule hands out the chunks, as many at once as there are buffers.
func (c *chunkReader) schedule(stopped <-chan struct{}, chunks []Chunk, jobs chan<- *fetch) {
	defer close(c.queue)
	defer close(jobs)
	for _, chunk := range chunks {
		select {
		case <-stopped: // even if there are buffers
			return
		default:
		}
		select {
		case buf := <-c.free:
			f := &fetch{chunk: chunk, raw: buf, done: make(chan struct{})}
			c.queue <- f // neither channel is ever full: both have the capacity for all buffers
			jobs <- f
		case <-stopped:
			return
		}
	}
}

// readChunks is a worker.
func readChunks(r io.ReaderAt, dec *ChunkDecoder, jobs <-chan *fetch) {
	for f := range jobs {
		f.raw, f.err = dec.decode(r, f.chunk, f.raw)
		close(f.done)
	}
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if len(c.current) == 0 && c.err == nil {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n := copy(p, c.current)
	c.current = c.current[n:]
	return n, nil
}

func (c *chunkReader) next() error {
	if c.buf != nil {
		c.free <- c.buf
		c.buf = nil
	}
	f, ok := <-c.queue
	if !ok {
		return io.EOF
	}
	<-f.done
	if f.err != nil {
		return f.err
	}
	c.buf, c.current = f.raw, f.raw
	return nil
}

func (c *chunkReader) Close() error {
	c.stop()
	c.group.Wait()
	if c.err == nil {
		c.err = errReaderClosed
	}
	return nil
}
