package dumpfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// ErrEarlierLost means that the earlier dump, whose chunks the new one was to contain, cannot be copied or read. A dump without it
// can be made.
var ErrEarlierLost = errors.New("the earlier dump cannot be copied")

// Earlier is a dump whose chunks the next one may contain.
type Earlier struct {
	Index  *Index
	Object io.ReaderAt
}

// Reusable reports whether a dump with that compression can contain chunks of the earlier one.
func (e Earlier) Reusable(c Compression) bool {
	return e.Index != nil && e.Index.Compression == c && e.Index.Baked == nil &&
		slices.ContainsFunc(e.Index.Chunks, func(chunk Chunk) bool { return chunk.RawSHA256 != nil })
}

// Assembler is an Output whose object can be put together of ranges. What Put and Copy add comes in the order of the calls, and
// before everything that Write adds, at any time.
type Assembler interface {
	Output
	// Put adds bytes.
	Put(p []byte) error
	// Copy adds a range of the earlier dump's object.
	Copy(offset, size int64) error
}

// Reuse makes the Writer look for chunks with the same SQL in an earlier dump, whose bytes are then neither compressed nor sent. The
// Writer's output must be out, whose ranges have at least that many bytes. It must be called before the first Add.
//
// The new object has the head, then long runs of the earlier object's chunks, then what is new, then the tail. Chunks that keep changing
// so gather behind the others, and do not cut them into short runs again and again. Short runs are fetched and sent with
// what is new.
func (w *Writer) Reuse(earlier Earlier, out Assembler, least int64) {
	r := &reuse{earlier: earlier, out: out, least: least, numbers: map[Digest][]int{}}
	for i, chunk := range earlier.Index.Chunks {
		continues := i > 0 && earlier.Index.Chunks[i-1].Partial
		if chunk.RawSHA256 != nil && !chunk.Partial && !continues {
			r.numbers[*chunk.RawSHA256] = append(r.numbers[*chunk.RawSHA256], i)
		}
	}
	w.reuse = r
}

// Reused is how many bytes of SQL came from the earlier dump. It is known after Close.
func (w *Writer) Reused() int64 {
	if w.reuse == nil {
		return 0
	}
	return w.reuse.rawBytes
}

// reuse is the state of a Writer that reuses chunks.
type reuse struct {
	earlier Earlier
	out     Assembler
	least   int64 // the size of the smallest range

	mutex   sync.Mutex
	numbers map[Digest][]int // the earlier chunks by their SQL, without those that were taken

	// The goroutine that writes owns the rest, until it has ended.
	heads, front, tails []heldChunk
	frontBytes          int64
	taken               []int   // numbers of earlier chunks
	sent                []Chunk // whose bytes the output has; their offsets are those in what was written
	rawBytes            int64   // of SQL in earlier chunks
}

// heldChunk is a chunk in memory.
type heldChunk struct {
	Chunk
	data []byte
}

// take looks for an earlier chunk like this one, and takes it: it can be copied once.
func (r *reuse) take(sum Digest, size int64, about About) (number int, found bool) {
	if about.Section != dump.Rows {
		return 0, false
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	numbers := r.numbers[sum]
	for i, number := range numbers {
		if earlier := r.earlier.Index.Chunks[number]; earlier.About == about && earlier.RawSize == size {
			r.numbers[sum] = slices.Delete(numbers, i, i+1)
			return number, true
		}
	}
	return 0, false
}

// addChunk decides where a chunk goes. It is held if it belongs to the beginning or to the end of the object.
func (w *Writer) addChunk(chunk Chunk, data []byte) error {
	r := w.reuse
	held := func() heldChunk { return heldChunk{chunk, bytes.Clone(data)} }
	switch {
	case chunk.Section == dump.Head:
		r.heads = append(r.heads, held())
		r.frontBytes += chunk.Size
	case chunk.Section == dump.Tail:
		r.tails = append(r.tails, held())
	case r.frontBytes < r.least, len(r.front) > 0 && len(r.sent) == 0 && r.front[len(r.front)-1].Partial:
		r.front = append(r.front, held())
		r.frontBytes += chunk.Size
	default:
		return w.sendChunk(chunk, data)
	}
	return nil
}

// sendChunk writes a chunk to the output.
func (w *Writer) sendChunk(chunk Chunk, data []byte) error {
	chunk.Offset = w.written.Load()
	w.reuse.sent = append(w.reuse.sent, chunk)
	return w.writeOut(data)
}

// earlierRun is a range of successive chunks of the earlier dump.
type earlierRun struct {
	first, last int // numbers of chunks
	from, to    int64
}

func (r earlierRun) size() int64 { return r.to - r.from }

// runs returns the taken chunks as runs, in the order of the earlier object. If head is true, the first one begins with the
// earlier object itself, provided that its first chunk of rows was taken.
func (r *reuse) runs(head bool) []earlierRun {
	slices.Sort(r.taken)
	var runs []earlierRun
	for _, number := range r.taken {
		chunk := r.earlier.Index.Chunks[number]
		if n := len(runs); n > 0 && runs[n-1].last == number-1 {
			runs[n-1].last, runs[n-1].to = number, chunk.Offset+chunk.Size
			continue
		}
		run := earlierRun{first: number, last: number, from: chunk.Offset, to: chunk.Offset + chunk.Size}
		if head && number == len(r.heads) {
			run.first, run.from = 0, 0
		}
		runs = append(runs, run)
	}
	return runs
}

// sameHead reports whether the earlier dump begins with the same heads.
func (r *reuse) sameHead() bool {
	chunks := r.earlier.Index.Chunks
	for i, head := range r.heads {
		if i >= len(chunks) || chunks[i].Section != dump.Head || chunks[i].RawSHA256 == nil || *chunks[i].RawSHA256 != *head.RawSHA256 || chunks[i].Partial != head.Partial {
			return false
		}
	}
	return len(r.heads) > 0 && len(chunks) > len(r.heads) && chunks[len(r.heads)].Section != dump.Head
}

// assemble puts the object together and returns its chunks in order, when all of them are known.
func (w *Writer) assemble() ([]Chunk, error) {
	r := w.reuse
	runs := r.runs(r.sameHead())
	var chunks []Chunk
	if len(runs) == 0 || runs[0].from > 0 || runs[0].size() < r.least {
		runs = r.runs(false)
		front, rest, err := w.putFront(runs)
		if err != nil {
			return nil, err
		}
		chunks, runs = front, rest
	} else {
		// The head comes with the first run. What was held for the beginning is sent with the rest.
		for _, chunk := range r.front {
			if err := w.sendChunk(chunk.Chunk, chunk.data); err != nil {
				return nil, err
			}
		}
	}
	var placed int64
	if n := len(chunks); n > 0 {
		placed = chunks[n-1].Offset + chunks[n-1].Size
	}
	for _, run := range runs {
		if run.size() < r.least {
			continue
		}
		if err := r.out.Copy(run.from, run.size()); err != nil {
			return nil, err
		}
		for _, chunk := range r.earlier.Index.Chunks[run.first : run.last+1] {
			chunk.Offset += placed - run.from
			chunks = append(chunks, chunk)
		}
		placed += run.size()
	}
	for _, run := range runs {
		if run.size() >= r.least {
			continue
		}
		for number := run.first; number <= run.last; number++ {
			if err := w.sendEarlier(number); err != nil {
				return nil, err
			}
		}
	}
	for _, tail := range r.tails {
		if err := w.sendChunk(tail.Chunk, tail.data); err != nil {
			return nil, err
		}
	}
	for _, chunk := range r.sent {
		chunk.Offset += placed
		chunks = append(chunks, chunk)
	}
	w.written.Add(placed)
	return chunks, nil
}

// putFront writes or puts the beginning of an object that does not begin as the earlier one. It returns the runs that are left.
func (w *Writer) putFront(runs []earlierRun) (chunks []Chunk, rest []earlierRun, err error) {
	r := w.reuse
	front := bytes.Clone(w.form.signature())
	add := func(chunk Chunk, data []byte) {
		chunk.Offset = int64(len(front))
		front = append(front, data...)
		chunks = append(chunks, chunk)
	}
	for _, chunk := range slices.Concat(r.heads, r.front) {
		add(chunk.Chunk, chunk.data)
	}
	// Short runs are sent in any case. What is left of a long one may be short.
	slices.SortStableFunc(runs, func(a, b earlierRun) int { return boolOrder(a.size() >= r.least, b.size() >= r.least) })
	for int64(len(front)) < r.least && len(runs) > 0 {
		number := runs[0].first
		data, err := r.read(number)
		if err != nil {
			return nil, nil, err
		}
		add(r.earlier.Index.Chunks[number], data)
		runs[0].first, runs[0].from = number+1, runs[0].from+int64(len(data))
		if runs[0].first > runs[0].last {
			runs = runs[1:]
		}
	}
	if int64(len(front)) >= r.least {
		return chunks, runs, r.out.Put(front)
	}
	// There is nothing else.
	r.sent = chunks
	return nil, nil, w.writeOut(front)
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// sendEarlier sends a chunk that would be too small a range to copy.
func (w *Writer) sendEarlier(number int) error {
	data, err := w.reuse.read(number)
	if err != nil {
		return err
	}
	return w.sendChunk(w.reuse.earlier.Index.Chunks[number], data)
}

// read returns the bytes of an earlier chunk.
func (r *reuse) read(number int) ([]byte, error) {
	chunk := r.earlier.Index.Chunks[number]
	data := make([]byte, chunk.Size)
	if n, err := r.earlier.Object.ReadAt(data, chunk.Offset); n < len(data) {
		return nil, fmt.Errorf("%w: read its byte %d: %w", ErrEarlierLost, chunk.Offset+int64(n), noEOF(err))
	}
	if sha256.Sum256(data) != chunk.SHA256 {
		return nil, fmt.Errorf("%w: its chunk at byte %d is damaged", ErrEarlierLost, chunk.Offset)
	}
	return data, nil
}
