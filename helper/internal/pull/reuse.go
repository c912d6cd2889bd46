package pull

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// nearBytes is the longest known range between two missing ones that is fetched with them: that takes less time than another request.
const nearBytes = 64 << 10

// reuse is what is known of an object before it is fetched.
type reuse struct {
	entry   *entry
	copies  []chunkCopy
	missing []bucket.Range
	files   []*os.File
}

// chunkCopy is a chunk that another file of the cache has.
type chunkCopy struct {
	chunk  dumpfile.Chunk
	file   *os.File
	offset int64
}

// findKnown looks for an object's chunks in the other dumps of the cache, and in what an earlier fetch left in the object's own file. The
// entry gets the numbers of bytes that need not and that must be fetched. The caller closes the result.
func (c *cache) findKnown(e *entry, index *dumpfile.Index) *reuse {
	r := &reuse{entry: e}
	known := map[dumpfile.Digest]chunkCopy{}
	for _, path := range c.otherDumps(e.object) {
		r.addFile(path, known)
	}
	var buf []byte
	at := int64(0) // the end of what is known
	for i, chunk := range index.Chunks {
		var here bool
		if buf, here = readChunk(buf, chunk, e.file, chunk.Offset); here {
			e.isThere(chunk.Offset, chunk.Offset+chunk.Size)
		} else if copied, ok := known[chunk.SHA256]; ok {
			copied.chunk = chunk
			r.copies = append(r.copies, copied)
		} else {
			continue
		}
		if i > 0 || e.putSignature(index.Compression) != nil {
			r.lacks(at, chunk.Offset)
		}
		at = chunk.Offset + chunk.Size
	}
	r.lacks(at, e.object.Size)
	e.fetched = 0
	for _, missing := range r.missing {
		e.fetched += missing.Size
	}
	e.kept = e.object.Size - e.fetched
	return r
}

// putSignature writes what lies before the first chunk.
func (e *entry) putSignature(c dumpfile.Compression) error {
	_, err := e.WriteAt(dumpfile.Signature(c), 0)
	return err
}

// otherDumps returns the paths of the other objects in the cache.
func (c *cache) otherDumps(object bucket.Object) (paths []string) {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && !isBeside(entry.Name()) && entry.Name() != object.Name {
			paths = append(paths, filepath.Join(c.folder, entry.Name()))
		}
	}
	return paths
}

// addFile adds the chunks of a cached dump. A file without a readable index has none.
func (r *reuse) addFile(path string, known map[dumpfile.Digest]chunkCopy) {
	compression, ours := dumpfile.ByName(path)
	if !ours {
		return
	}
	file, err := os.Open(path)
	if err != nil {
		return
	}
	r.files = append(r.files, file)
	info, err := file.Stat()
	if err != nil {
		return
	}
	index, err := dumpfile.ReadIndex(file, info.Size(), compression)
	if err != nil {
		return
	}
	for _, chunk := range index.Chunks {
		known[chunk.SHA256] = chunkCopy{file: file, offset: chunk.Offset}
	}
}

// lacks records a missing range.
func (r *reuse) lacks(from, to int64) {
	n := len(r.missing)
	switch {
	case from == to:
	case n > 0 && from-r.missing[n-1].Offset-r.missing[n-1].Size <= nearBytes:
		r.missing[n-1].Size = to - r.missing[n-1].Offset
	default:
		r.missing = append(r.missing, bucket.Range{Offset: from, Size: to - from})
	}
}

// fetch copies the known chunks and fetches the missing ranges at the same time. A chunk that turns out to be damaged in the cache is
// fetched afterwards.
func (r *reuse) fetch(ctx context.Context, from request) error {
	var damaged []bucket.Range
	work, inner := errgroup.WithContext(ctx)
	work.Go(func() error { return from.store.FetchRanges(inner, from.object, r.entry, r.missing, from.advance) })
	work.Go(func() (err error) {
		damaged, err = r.copy(inner)
		return err
	})
	if err := work.Wait(); err != nil {
		return err
	}
	return from.store.FetchRanges(ctx, from.object, r.entry, damaged, from.advance)
}

// copy copies the known chunks. Each is compared with its hash. It returns those that are damaged.
func (r *reuse) copy(ctx context.Context) (damaged []bucket.Range, err error) {
	var buf []byte
	for _, c := range r.copies {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var right bool
		if buf, right = readChunk(buf, c.chunk, c.file, c.offset); !right {
			damaged = append(damaged, bucket.Range{Offset: c.chunk.Offset, Size: c.chunk.Size})
			continue
		}
		if _, err := r.entry.WriteAt(buf, c.chunk.Offset); err != nil {
			return nil, err
		}
	}
	return damaged, nil
}

func (r *reuse) close() {
	for _, file := range r.files {
		_ = file.Close()
	}
}

// readChunk reads a chunk's bytes from a file, and reports whether they are right. It returns its buffer for the next call.
func readChunk(buf []byte, chunk dumpfile.Chunk, file *os.File, offset int64) ([]byte, bool) {
	if int64(cap(buf)) < chunk.Size {
		buf = make([]byte, chunk.Size)
	}
	buf = buf[:chunk.Size]
	_, err := file.ReadAt(buf, offset)
	return buf, err == nil && sha256.Sum256(buf) == chunk.SHA256
}
