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

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// errAbandoned ends a fetch that nobody needs any more.
var errAbandoned = errors.New("nobody needs the dump any more")

// entry is a dump in the cache, or on its way there. It must be closed.
type entry struct {
	*arrival
	object        bucket.Object
	info          fs.FileInfo // of the file
	kept, fetched int64       // how many bytes the cache had before, and how many have to be fetched

	stop   context.CancelCauseFunc
	done   chan struct{} // closed when the fetch has ended
	failed error         // because of this, nil where all has come; not before done
}

// newEntry is an entry whose fetch has not begun.
func newEntry(file *os.File, object bucket.Object, kept, fetched int64) *entry {
	e := &entry{
		arrival: newArrival(file, kept), object: object, kept: kept, fetched: fetched,
		stop: func(error) {}, done: make(chan struct{}),
	}
	e.info, _ = file.Stat() // of an open file it works; without it the file is no other's
	return e
}

// heldEntry is an entry that is whole.
func heldEntry(file *os.File, object bucket.Object) *entry {
	e := newEntry(file, object, object.Size, 0)
	e.end(nil)
	close(e.done)
	return e
}

// run fetches what is missing, at the same time as others read what has come.
func (e *entry) run(ctx context.Context, fetch func(context.Context) error) {
	ctx, e.stop = context.WithCancelCause(ctx)
	go func() {
		defer close(e.done)
		err := fetch(ctx)
		if err != nil {
			e.failed = fmt.Errorf("fetch %s: %w", e.object.Name, spaceError(err))
		}
		e.end(e.failed)
	}()
}

// isWhole says whether nothing has to be waited for.
func (e *entry) isWhole() bool {
	select {
	case <-e.done:
		return e.failed == nil
	default:
		return false
	}
}

// wait returns when all of the dump is there, and with a nil error only then.
func (e *entry) wait() error {
	<-e.done
	return e.failed
}

// abandon ends the fetch if it is still under way, and gives what it has failed of by itself.
func (e *entry) abandon() error {
	e.stop(errAbandoned)
	if err := e.wait(); !errors.Is(err, errAbandoned) {
		return err
	}
	return nil
}

// isDamagedBy says whether an error that came of reading means that the file's bytes are not those of the dump, or
// that the disk does not give them.
func (e *entry) isDamagedBy(err error) bool {
	var damaged *dumpfile.DamagedError
	var unreadable *fs.PathError
	return errors.As(err, &damaged) || errors.As(err, &unreadable) && unreadable.Op == "read" && unreadable.Path == e.file.Name()
}

func (e *entry) close() {
	_ = e.abandon()
	_ = e.file.Close()
}

// fetch begins to bring a dump into the cache. It unlocks when that has ended, unless it fails to begin.
func (c *cache) fetch(ctx context.Context, w wanted, unlock func()) (*entry, error) {
	path := c.path(w.object)
	name := partPath(path, w.object)
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write the cache: %w", spaceError(err))
	}
	from, err := resumable(file, w)
	if err == nil {
		err = c.checkSpace(w.object.Size - from)
	}
	if err != nil {
		_ = file.Close()
		if from == 0 {
			_ = os.Remove(name)
		}
		return nil, err
	}
	e := newEntry(file, w.object, from, w.object.Size-from)
	c.progress.Phase("fetching "+w.object.Name, w.expected(e.fetched))
	e.run(ctx, func(ctx context.Context) error {
		defer unlock()
		err := w.store.Fetch(ctx, w.object, e, from, w.advance)
		if err == nil {
			err = c.seal(ctx, e, w.checked)
		}
		if err != nil {
			e.leave(name, w.checked, err)
		}
		return err
	})
	return e, nil
}

// partPath is where an object is kept while it is fetched. Another object of the same name has another place, so
// that what is there can be gone on with.
func partPath(path string, object bucket.Object) string {
	tag := sha256.Sum256([]byte(object.ETag))
	return fmt.Sprintf("%s.%s.part", path, hex.EncodeToString(tag[:6]))
}

// resumable says how many bytes of a dump an earlier fetch has left in a file: all but the last ones, which may
// have gaps. What of it is wrong all the same, after a crash of the machine, only an index tells.
func resumable(file *os.File, w wanted) (from int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("read the cache: %w", err)
	}
	from = min(max(info.Size()-bucket.FetchWindow, 0), w.object.Size)
	if w.checked && w.object.ETag != "" {
		return from, nil
	}
	if err := file.Truncate(0); err != nil {
		return 0, fmt.Errorf("write the cache: %w", err)
	}
	return 0, nil
}

// leave leaves what has come for the next fetch, where that can go on with it.
func (e *entry) leave(name string, checked bool, err error) {
	if !checked || errors.Is(err, bucket.ErrChanged) || errors.Is(spaceError(err), ErrCacheSpace) {
		_ = os.Remove(name)
		return
	}
	// Its length says how much there is, as it does when the program was killed; the end takes no space.
	_ = e.file.Truncate(e.whole() + bucket.FetchWindow)
}

// seal puts a dump that has come into its place. That one whose chunks are checked has reached the disk is not
// waited for: what a crash of the machine takes is noticed.
func (c *cache) seal(ctx context.Context, e *entry, checked bool) error {
	path, sealed := c.path(e.object), seal{ETag: e.object.ETag, Size: e.object.Size}
	if err := e.file.Truncate(e.object.Size); err != nil { // what was left by an earlier fetch is longer
		return fmt.Errorf("write the cache: %w", err)
	}
	if !checked {
		sum, err := c.fingerprint(ctx, e)
		if err != nil {
			return err
		}
		sealed.SHA256 = sum
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		return fmt.Errorf("describe the cached dump: %w", err)
	}
	// The note first: without the dump it says nothing, and a dump with an older note is fetched again.
	if err := os.WriteFile(path+".json", text, 0o600); err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	if err := os.Rename(partPath(path, e.object), path); err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	return nil
}

// fingerprint reads a dump that has come, to know it again.
func (c *cache) fingerprint(ctx context.Context, e *entry) (string, error) {
	c.progress.Phase("", 0)
	sum, _, err := c.hash(ctx, io.NewSectionReader(e.file, 0, e.object.Size))
	if err == nil {
		err = e.file.Sync()
	}
	if err != nil {
		return "", fmt.Errorf("read the cache: %w", err)
	}
	return sum, nil
}

// obtainPart gives a part of a dump: from the cache if that holds the whole, else on its way into a file that
// nobody else sees.
func (c *cache) obtainPart(ctx context.Context, w wanted, ranges []bucket.Range, bytes int64) (*entry, error) {
	if e, err := c.held(ctx, w); e != nil || err != nil {
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
	_ = os.Remove(file.Name()) // it goes when it is closed, whatever becomes of this process
	e := newEntry(file, w.object, 0, bytes)
	c.progress.Phase("fetching "+w.object.Name, w.expected(bytes))
	e.run(ctx, func(ctx context.Context) error {
		return w.store.FetchRanges(ctx, w.object, e, ranges, w.advance)
	})
	return e, nil
}
