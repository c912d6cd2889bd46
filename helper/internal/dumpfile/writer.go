package dumpfile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// Output is what a dump is written to.
type Output interface {
	io.Writer
	// Room is how many bytes an open part of fixed length still needs; 0 if there is none. A dump never ends within such a
	// part.
	Room() int64
}

// maxWorkers bounds the memory of a Writer and of a chunk reader on any machine.
const maxWorkers = 4

var (
	errClosed  = errors.New("the dump's writer is closed")
	errAborted = errors.New("the dump's writer was aborted")
)

// Writer cuts SQL text into chunks, compresses several of them at once and writes them in order. Its memory is bounded: Write
// and Add wait while the output is slow. Only one goroutine at a time may use it, except for Add.
type Writer struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	out    Output
	form   container

	raw     []byte        // the chunk that is being filled; nil if there is none
	last    *About        // of the chunk before; nil if there is none
	partial bool          // the chunk before is
	turn    chan struct{} // full while a goroutine adds a chunk, and after Close
	raws    chan []byte   // free buffers for SQL
	datas   chan []byte   // free buffers for compressed chunks
	jobs    chan *job     // to the workers
	queue   chan *job     // the same, in order, to the goroutine that writes
	group   sync.WaitGroup

	chunks   []Chunk // owned by the goroutine that writes, until it has ended
	contents contents
	written  atomic.Int64
	count    int    // chunks so far
	reuse    *reuse // nil without an earlier dump
	signer   Signer // nil if the dump is not signed
	finished bool
}

// job is a chunk that is being compressed and written.
type job struct {
	raw       []byte // the worker's
	rawSize   int
	partial   bool
	continues bool // the chunk before is partial
	about     About

	done           chan struct{} // closed when the worker has set what follows
	data           []byte
	digest, rawSum Digest
	// reused means that the earlier dump has the chunk under that number. Then there is no data.
	reused bool
	number int
	err    error
}

// NewWriter returns a Writer for Zstd or Gzip that compresses on that many workers, at most four; 0 means one for each
// processor. The level is the compression's, 1 to 22 for zstd or 1 to 9 for gzip; 0 is the fast default. Its goroutines end with
// Close, Abort or the context, provided that a Write of out ends then as well.
func NewWriter(ctx context.Context, out Output, c Compression, level, workers int) (*Writer, error) {
	form := containerOf(c)
	if form == nil {
		return nil, fmt.Errorf("cannot write dumps with compression %q", c)
	}
	if most := form.maxLevel(); level < 0 || level > most {
		return nil, fmt.Errorf("%s has no level %d (1 to %d)", c, level, most)
	}
	workers = workerCount(workers)
	encoders := make([]encoder, workers)
	for i := range encoders {
		var err error
		if encoders[i], err = form.newEncoder(level); err != nil {
			return nil, err
		}
	}
	w := &Writer{
		out:   out,
		form:  form,
		turn:  make(chan struct{}, 1),
		raws:  make(chan []byte, workers+1),
		datas: make(chan []byte, workers+2),
		jobs:  make(chan *job, workers+2),
		queue: make(chan *job, workers+2),
	}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	for range cap(w.raws) {
		w.raws <- nil // allocated when needed: most dumps are small
	}
	for range cap(w.datas) {
		w.datas <- nil
	}
	for _, e := range encoders {
		w.group.Go(func() { w.compress(e) })
	}
	w.group.Go(w.writeChunks)
	return w, nil
}

func workerCount(wanted int) int {
	if wanted <= 0 {
		wanted = runtime.GOMAXPROCS(0)
	}
	return min(wanted, maxWorkers)
}

// Write adds SQL text. The next call returns an error of the output.
func (w *Writer) Write(p []byte) (int, error) {
	var n int
	for n < len(p) {
		if err := context.Cause(w.ctx); err != nil {
			return n, err
		}
		if w.raw == nil {
			if err := w.startChunk(); err != nil {
				return n, err
			}
		}
		w.makeRoom(len(p) - n)
		took := min(len(p)-n, hardChunkRaw-len(w.raw))
		w.raw = append(w.raw, p[n:n+took]...)
		n += took
		if len(w.raw) == hardChunkRaw && n < len(p) {
			if err := w.endChunk(true); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Cut says that the text so far ends between two statements. The chunk ends here if it is long enough.
func (w *Writer) Cut() {
	if len(w.raw) >= chunkRaw {
		// It only fails if every later call fails as well.
		_ = w.endChunk(false)
	}
}

func (w *Writer) startChunk() (err error) {
	if w.raw, err = w.freeRaw(); err != nil {
		return err
	}
	if w.raw == nil {
		// A chunk, and the statement that makes it long enough: the clients write statements of a megabyte.
		w.raw = make([]byte, 0, chunkRaw+5<<18)
	}
	return nil
}

// freeRaw waits for a buffer for SQL, which may be nil.
func (w *Writer) freeRaw() ([]byte, error) {
	select {
	case buf := <-w.raws:
		return buf, nil
	case <-w.ctx.Done():
		return nil, context.Cause(w.ctx)
	}
}

// makeRoom makes room in the chunk for n more bytes, or as many as it may have.
func (w *Writer) makeRoom(n int) {
	if len(w.raw)+n > cap(w.raw) && cap(w.raw) < hardChunkRaw {
		w.raw = append(make([]byte, 0, hardChunkRaw), w.raw...)
	}
}

func (w *Writer) endChunk(partial bool) error {
	j := &job{raw: w.raw, partial: partial}
	w.raw = nil
	return w.enqueue(j)
}

func (w *Writer) enqueue(j *job) error {
	about := j.about
	if w.last == nil {
		w.last = &about
	}
	if err := about.follow(*w.last); err != nil {
		// Without this chunk the dump must not be finished.
		w.cancel(fmt.Errorf("write a chunk of the dump: %w", err))
		return context.Cause(w.ctx)
	}
	w.last = &about
	j.continues, w.partial = w.partial, j.partial
	j.rawSize, j.done = len(j.raw), make(chan struct{})
	// The buffer is taken here, in order: if workers took buffers, those with later chunks could leave none for the
	// chunk that all wait for.
	select {
	case j.data = <-w.datas:
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
	if j.data == nil {
		j.data = make([]byte, 0, chunkRaw/2)
	}
	// There are no more jobs than buffers, so neither channel is ever full.
	w.queue <- j
	w.jobs <- j
	return nil
}

// compress is a worker.
func (w *Writer) compress(e encoder) {
	for {
		select {
		case j, ok := <-w.jobs:
			if !ok {
				return
			}
			w.encode(e, j)
			w.raws <- reusable(j.raw)
			j.raw = nil // frees it while the job waits for the output
			close(j.done)
		case <-w.ctx.Done():
			return
		}
	}
}

// encode compresses a chunk, unless the earlier dump has it.
func (w *Writer) encode(e encoder, j *job) {
	j.rawSum = sha256.Sum256(j.raw)
	if w.reuse != nil && !j.partial && !j.continues {
		if j.number, j.reused = w.reuse.take(j.rawSum, int64(len(j.raw)), j.about); j.reused {
			return
		}
	}
	j.data, j.err = e.encode(j.data[:0], j.raw)
	j.digest = sha256.Sum256(j.data)
}

// reusable returns a buffer for the next chunk, unless it is so large that keeping it would exceed the bound of memory.
func reusable(buf []byte) []byte {
	if cap(buf) > hardChunkRaw {
		return nil
	}
	return buf[:0]
}

// writeChunks writes the compressed chunks.
func (w *Writer) writeChunks() {
	for {
		select {
		case j, ok := <-w.queue:
			if w.Written() == 0 && w.reuse == nil { // Reuse comes before the first chunk
				if err := w.writeOut(w.form.signature()); err != nil {
					w.cancel(err)
					return
				}
			}
			if !ok {
				return
			}
			if err := w.writeChunk(j); err != nil {
				w.cancel(err)
				return
			}
		case <-w.ctx.Done():
			return
		}
	}
}

func (w *Writer) writeChunk(j *job) error {
	select {
	case <-j.done:
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
	if j.err != nil {
		return fmt.Errorf("compress the dump: %w", j.err)
	}
	if w.count++; w.count > maxChunks {
		return fmt.Errorf("the dump has more than %d chunks", maxChunks)
	}
	rawSum := j.rawSum // the chunk must not keep the job
	chunk := Chunk{
		Offset:    w.written.Load(),
		Size:      int64(len(j.data)),
		RawSize:   int64(j.rawSize),
		SHA256:    j.digest,
		RawSHA256: &rawSum,
		Partial:   j.partial,
		About:     j.about,
		check:     lastFour(j.data),
	}
	w.contents.add(chunk)
	var err error
	switch {
	case j.reused:
		w.reuse.taken = append(w.reuse.taken, j.number)
		w.reuse.rawBytes += chunk.RawSize
	case w.reuse != nil:
		err = w.addChunk(chunk, j.data)
	default:
		w.chunks = append(w.chunks, chunk)
		err = w.writeOut(j.data)
	}
	if err != nil {
		return err
	}
	w.datas <- j.data
	return nil
}

func (w *Writer) writeOut(p []byte) error {
	n, err := w.out.Write(p)
	w.written.Add(int64(n))
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// Written is how many bytes the output has taken so far. Any goroutine may call it.
func (w *Writer) Written() int64 { return w.written.Load() }

// Close writes the rest and then the index: the given one, with Format, Compression, RawBytes and Chunks filled in. If the
// chunks have rows, those must match the rows of its tables. The dump is complete if and only if Close returns nil. It ends all
// goroutines.
func (w *Writer) Close(idx Index) error {
	defer w.stop(errClosed)
	if err := w.finish(); err != nil {
		return err
	}
	if w.reuse != nil {
		var err error
		if w.chunks, err = w.assemble(); err != nil {
			return err
		}
	}
	idx.Format = formatVersion
	idx.Compression = w.form.compression()
	idx.Chunks = w.chunks
	idx.RawBytes = 0
	for _, chunk := range w.chunks {
		idx.RawBytes += chunk.RawSize
	}
	idx.at = w.written.Load()
	if err := idx.check(idx.Compression, int64(len(w.form.signature()))); err != nil {
		return fmt.Errorf("no reader would take the dump's index: %w", err)
	}
	return w.writeTail(&idx)
}

// finish waits until all text has been written.
func (w *Writer) finish() error {
	if w.finished {
		return context.Cause(w.ctx)
	}
	select {
	case w.turn <- struct{}{}: // stays full: no Add runs any more
	case <-w.ctx.Done():
	}
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	if len(w.raw) > 0 {
		if err := w.endChunk(false); err != nil {
			return err
		}
	}
	close(w.jobs)
	close(w.queue)
	w.group.Wait()
	w.finished = true
	return context.Cause(w.ctx)
}

// writeTail writes the index, after padding if it would otherwise end within an open part.
func (w *Writer) writeTail(idx *Index) error {
	block, err := idx.encode(w.signer)
	if err != nil {
		return err
	}
	tail := w.form.tail(block, idx.Chunks, 0)
	if room := w.out.Room(); room > int64(len(tail)) {
		// Padding may make the tail longer by an entry in the seek table.
		longer := len(w.form.tail(block, idx.Chunks, 1))
		padding := max(room-int64(longer), w.form.minPad())
		if err := w.form.pad(writerFunc(w.writeOut), padding); err != nil {
			return err
		}
		tail = w.form.tail(block, idx.Chunks, padding)
	}
	return w.writeOut(tail)
}

// writerFunc is an io.Writer.
type writerFunc func(p []byte) error

func (f writerFunc) Write(p []byte) (int, error) {
	if err := f(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Abort ends all goroutines; the output has no complete dump then. It waits for a running Write of the output. After Close, or
// when called again, it does nothing.
func (w *Writer) Abort() { w.stop(errAborted) }

func (w *Writer) stop(cause error) {
	w.cancel(cause)
	w.group.Wait()
}
