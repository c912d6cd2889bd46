package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// errAbandoned is the cause that ends a fetch whose dump is no longer needed.
var errAbandoned = errors.New("the dump is no longer needed")

// entry is an object in the cache, or one that is being fetched into it. It must be closed.
type entry struct {
	*partialFile
	object        bucket.Object
	info          fs.FileInfo // of the file
	kept, fetched int64       // how many bytes were in the cache, and how many must be fetched
	verified      bool        // the content is what the store knows of it; valid after done

	begin  func() // lets the fetch begin; it may be called again
	begun  chan struct{}
	stop   context.CancelCauseFunc
	done   chan struct{} // closed when the fetch has ended
	failed error         // why the fetch failed; valid after done
}

// newEntry returns an entry whose fetch has not begun.
func newEntry(file *os.File, object bucket.Object, kept, fetched int64) *entry {
	e := &entry{
		partialFile: newPartialFile(file, kept), object: object, kept: kept, fetched: fetched,
		begun: make(chan struct{}), stop: func(error) {}, done: make(chan struct{}),
	}
	e.begin = sync.OnceFunc(func() { close(e.begun) })
	e.info, _ = file.Stat() // cannot fail for an open file; a nil info equals no other file
	return e
}

// cachedEntry returns an entry whose file is complete.
func cachedEntry(file *os.File, object bucket.Object) *entry {
	e := newEntry(file, object, object.Size, 0)
	e.end(nil)
	close(e.done)
	return e
}

// run fetches the missing bytes in the background, from begin on. Others may read meanwhile.
func (e *entry) run(ctx context.Context, begins func(), fetch func(context.Context) error) {
	ctx, e.stop = context.WithCancelCause(ctx)
	begun := e.begin
	e.begin = sync.OnceFunc(func() {
		begins()
		begun()
	})
	go func() {
		defer close(e.done)
		err := fetch(ctx)
		if err != nil {
			e.failed = fmt.Errorf("fetch %s: %w", e.object.Name, spaceError(err))
		}
		e.end(e.failed)
	}()
}

// isWhole reports whether the file is complete.
func (e *entry) isWhole() bool {
	select {
	case <-e.done:
		return e.failed == nil
	default:
		return false
	}
}

// awaitBegin returns when the fetch is to begin. It fails if it is not needed any more.
func (e *entry) awaitBegin(ctx context.Context) error {
	select {
	case <-e.begun:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait has the fetch begin, and returns when it has ended. The error is nil only if the file is complete.
func (e *entry) wait() error {
	e.begin()
	return e.awaitEnd()
}

// awaitEnd is wait for a fetch that has begun, or never will.
func (e *entry) awaitEnd() error {
	<-e.done
	return e.failed
}

// abandon ends the fetch if it is still running. It returns the error of a fetch that had failed by itself.
func (e *entry) abandon() error {
	e.stop(errAbandoned)
	if err := e.awaitEnd(); !errors.Is(err, errAbandoned) {
		return err
	}
	return nil
}

// isDamagedBy reports whether a read error means that the file's bytes are wrong or that the disk cannot read them.
func (e *entry) isDamagedBy(err error) bool {
	var damaged *dumpfile.DamagedError
	var unreadable *fs.PathError
	return errors.As(err, &damaged) || errors.As(err, &unreadable) && unreadable.Op == "read" && unreadable.Path == e.file.Name()
}

func (e *entry) close() {
	_ = e.abandon()
	_ = e.file.Close()
}

// startFetch starts to fetch an object into the cache. It unlocks when the fetch has ended, but not if it fails to start.
func (c *cache) startFetch(ctx context.Context, r request, unlock func()) (*entry, error) {
	path := c.path(r.object)
	name := partPath(path, r.object)
	file, err := openOwn(name, os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("write the cache: %w", spaceError(err))
	}
	if err := c.prepare(file, r); err != nil {
		_ = file.Close()
		return nil, err
	}
	e := newEntry(file, r.object, 0, r.object.Size)
	known := &reuse{entry: e, missing: []bucket.Range{{Size: r.object.Size}}}
	if r.index != nil {
		known = c.findKnown(e, r.index)
	}
	e.run(ctx, func() { c.progress.Phase("fetching "+r.object.Name, r.expected(e.fetched)) }, func(ctx context.Context) error {
		defer unlock()
		defer known.close()
		if err := e.awaitBegin(ctx); err != nil {
			return err
		}
		sha256, err := c.fetchRight(ctx, r, known)
		if err == nil {
			err = c.commit(e, sha256)
		}
		if err != nil {
			e.leave(name, r.checked, err)
		}
		return err
	})
	return e, nil
}

// partPath is the path of an object's partial file. It depends on the ETag, so that a fetch is only resumed for the same
// object.
func partPath(path string, object bucket.Object) string {
	tag := sha256.Sum256([]byte(object.ETag))
	return fmt.Sprintf("%s.%s.part", path, hex.EncodeToString(tag[:6]))
}

// prepare checks the space for an object. What an earlier fetch left is kept if its chunks can be checked.
func (c *cache) prepare(file *os.File, r request) error {
	if r.index == nil {
		if err := file.Truncate(0); err != nil {
			return fmt.Errorf("write the cache: %w", err)
		}
	}
	there := bytesOnDisk(file)
	err := c.checkSpace(r.object.Size - there)
	if err != nil && there == 0 {
		_ = os.Remove(file.Name())
	}
	return err
}

// leave keeps the partial file for the next fetch, if that can check what is in it.
func (e *entry) leave(name string, checked bool, err error) {
	if !checked || errors.Is(err, bucket.ErrChanged) || errors.Is(spaceError(err), ErrCacheSpace) {
		_ = os.Remove(name)
	}
}

// fetchRight fetches the missing bytes. Chunks are checked when they are read. A dump without an index is compared here with what the
// store knows of it, fetched once more if it differs, and hashed; no later step would notice a wrong byte.
func (c *cache) fetchRight(ctx context.Context, r request, known *reuse) (sha256 string, err error) {
	if err := known.fetch(ctx, r); err != nil {
		return "", err
	}
	e := known.entry
	for before := ""; ; before = sha256 {
		if err := e.file.Truncate(e.object.Size); err != nil { // an earlier fetch may have left a longer file
			return "", fmt.Errorf("write the cache: %w", err)
		}
		if r.checked {
			return "", nil
		}
		sum, err := r.store.Sum(ctx, r.object)
		if err != nil {
			return "", err
		}
		if sha256, err = c.fingerprint(ctx, e, sum); err != nil {
			return "", err
		}
		switch {
		case sum == nil:
			return sha256, nil
		case sum.Right():
			e.verified = true
			return sha256, nil
		case sha256 == before && !sum.Sure: // this store makes its sums in another way
			return sha256, nil
		case before != "":
			return "", sum.Err(sha256 == before)
		}
		c.progress.Note(fmt.Sprintf("%s has not arrived as the store has it, fetching it again", r.object.Name))
		c.progress.Phase("fetching "+r.object.Name, r.expected(e.fetched))
		if err := r.store.Fetch(ctx, r.object, e, 0, r.advance); err != nil {
			return "", err
		}
	}
}

// commit writes the manifest and renames the complete file to its final name. The manifest has a hash if nothing else checks the
// bytes. If the chunks are checked when they are read, nothing waits for the disk: a crash of the machine would be noticed.
func (c *cache) commit(e *entry, sha256 string) error {
	path, m := c.path(e.object), manifest{ETag: e.object.ETag, Size: e.object.Size, SHA256: sha256, Verified: e.verified}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("describe the cached dump: %w", err)
	}
	// The manifest comes first: alone it has no effect, while a dump with an older manifest would be fetched again.
	if err := writeOwn(path+".json", text); err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	if err := os.Rename(partPath(path, e.object), path); err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	return nil
}

// fingerprint hashes a complete file and waits until it is on the disk.
func (c *cache) fingerprint(ctx context.Context, e *entry, known *bucket.Sum) (string, error) {
	c.progress.Phase("", 0)
	sum, _, err := c.hash(ctx, io.NewSectionReader(e.file, 0, e.object.Size), known)
	if err == nil {
		err = e.file.Sync()
	}
	if err != nil {
		return "", fmt.Errorf("read the cache: %w", err)
	}
	return sum, nil
}

// fetchPart returns ranges of an object. They come from the cache if it has the whole object; otherwise they are fetched
// into a file that no other process sees.
func (c *cache) fetchPart(ctx context.Context, r request, ranges []bucket.Range, bytes int64) (*entry, error) {
	if e, err := c.lookup(ctx, r); e != nil || err != nil {
		if e != nil {
			e.kept = bytes
		}
		return e, err
	}
	if err := c.checkSpace(bytes); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(c.folder, "*.part")
	if err != nil {
		return nil, fmt.Errorf("write the cache: %w", spaceError(err))
	}
	_ = os.Remove(file.Name()) // the space is freed when the file is closed, even if the process is killed
	e := newEntry(file, r.object, 0, bytes)
	e.run(ctx, func() { c.progress.Phase("fetching "+r.object.Name, r.expected(bytes)) }, func(ctx context.Context) error {
		if err := e.awaitBegin(ctx); err != nil {
			return err
		}
		return r.store.FetchRanges(ctx, r.object, e, ranges, r.advance)
	})
	return e, nil
}
