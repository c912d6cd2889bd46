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
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// ErrCacheSpace means that the cache folder's disk has no room for the dump.
var ErrCacheSpace = errors.New("no space left in the cache folder")

// cachedDumps is how many dumps of a project the cache keeps, each with what lies beside it: the one at hand, and the one
// before.
const cachedDumps = 2

// cache keeps dumps as they lie in the bucket, in one folder per bucket and prefix. A dump is there
// under its own name only when it is whole; a note beside it says which object it is. Of a dump with an index
// every chunk is compared with its SHA-256 when it is read, and nothing else of the file is used; for one without,
// the note says what the file must hash to.
type cache struct {
	folder   string
	progress Progress
}

// seal is the note beside a cached dump.
type seal struct {
	ETag   string `json:"etag"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"` // of a dump without an index
}

// newCache opens the part of the cache that belongs to where a dump lies.
func newCache(root, bucketName string, object bucket.Object, progress Progress) (*cache, error) {
	folder := filepath.Join(root, bucketName, filepath.FromSlash(strings.TrimSuffix(object.Key, object.Name)))
	if !strings.HasPrefix(folder, filepath.Clean(root)+string(filepath.Separator)) {
		return nil, fmt.Errorf("cache s3://%s/%s: the key leads out of the cache folder", bucketName, object.Key)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", spaceError(err))
	}
	return &cache{folder: folder, progress: progress}, nil
}

// wanted is a dump that a pull needs.
type wanted struct {
	store  *bucket.Bucket
	object bucket.Object
	// checked says that whoever reads the dump compares each of its chunks with an index.
	checked bool
	// advance is told how much has been fetched. It is nil where the load tells how far the pull is.
	advance func(int64)
}

// expected is how much the phase of a fetch of so many bytes is about.
func (w wanted) expected(bytes int64) int64 {
	if w.advance == nil {
		return 0
	}
	return bytes
}

// obtain gives a dump, from the cache, or on its way there if the cache does not hold it. Of several pulls at
// once, one fetches and the others wait for it.
func (c *cache) obtain(ctx context.Context, w wanted) (*entry, error) {
	path := c.path(w.object)
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	e, err := c.held(ctx, w)
	if e == nil && err == nil {
		e, err = c.fetch(ctx, w, unlock)
		if err == nil {
			return e, nil
		}
	}
	unlock()
	return e, err
}

func (c *cache) path(object bucket.Object) string { return filepath.Join(c.folder, object.Name) }

// held gives the dump as the cache holds it, nil where it does not, or where that is not what was fetched.
func (c *cache) held(ctx context.Context, w wanted) (*entry, error) {
	path := c.path(w.object)
	sealed, ok := readSeal(path)
	if !ok || sealed.ETag != w.object.ETag || sealed.Size != w.object.Size {
		return nil, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the cached dump: %w", err)
	}
	right, err := c.isRight(ctx, file, w, sealed)
	if right {
		return heldEntry(file, w.object), nil
	}
	_ = file.Close()
	if err == nil {
		c.noteDamage(w.object)
	}
	return nil, err
}

// isRight says whether a cached dump can be read: in a dump without an index nobody would notice any more that
// a byte of it is wrong.
func (c *cache) isRight(ctx context.Context, file *os.File, w wanted, sealed seal) (bool, error) {
	if w.checked {
		info, err := file.Stat()
		return err == nil && info.Size() == w.object.Size, nil
	}
	c.progress.Phase("checking the cached dump", w.object.Size)
	sum, size, err := c.hash(ctx, file)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return err == nil && size == w.object.Size && sum == sealed.SHA256, nil
}

func (c *cache) noteDamage(object bucket.Object) {
	c.progress.Note(fmt.Sprintf("the cached copy of %s is damaged, it is fetched again", object.Name))
}

// discard removes a dump that has turned out to be damaged, unless somebody has put another in its place.
func (c *cache) discard(ctx context.Context, e *entry) error {
	path := c.path(e.object)
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	for _, name := range []string{path, partPath(path, e.object)} {
		if found, err := os.Stat(name); err == nil && os.SameFile(found, e.info) {
			_ = os.Remove(name)
			_ = os.Remove(name + ".json")
		}
	}
	return nil
}

// readSeal reads the note beside a dump, which is none if it cannot be read.
func readSeal(path string) (sealed seal, ok bool) {
	text, err := os.ReadFile(path + ".json")
	ok = err == nil && json.Unmarshal(text, &sealed) == nil
	return sealed, ok
}

// hash reads a file to its end.
func (c *cache) hash(ctx context.Context, file io.Reader) (sum string, size int64, err error) {
	hash := sha256.New()
	block := make([]byte, 1<<20)
	for {
		if ctx.Err() != nil {
			return "", 0, context.Cause(ctx)
		}
		n, err := file.Read(block)
		hash.Write(block[:n])
		size += int64(n)
		c.progress.Advance(int64(n))
		if err == io.EOF {
			return hex.EncodeToString(hash.Sum(nil)), size, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
}

// checkSpace refuses to fetch what the disk cannot hold.
func (c *cache) checkSpace(missing int64) error {
	// Where nobody knows how much is free, the write will tell.
	if free, known := freeBytes(c.folder); known && free < missing {
		return fmt.Errorf("%w: %s has %d bytes free, %d bytes of the dump are missing", ErrCacheSpace, c.folder, free, missing)
	}
	return nil
}

func freeBytes(folder string) (int64, bool) {
	var disk unix.Statfs_t
	err := unix.Statfs(folder, &disk)
	return int64(disk.Bavail) * int64(disk.Bsize), err == nil
}

// sweep removes all but the newest few dumps with what lies beside them, and what fetches have left behind that nobody
// goes on with.
func (c *cache) sweep() {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return
	}
	objects := map[string][]string{} // by their dump
	newest := map[string]time.Time{} // of these
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".part") {
			c.sweepPart(entry.Name())
		}
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || isBeside(entry.Name()) {
			continue
		}
		dump := bucket.DumpOf(entry.Name())
		objects[dump] = append(objects[dump], entry.Name())
		if newest[dump].Before(info.ModTime()) {
			newest[dump] = info.ModTime()
		}
	}
	dumps := slices.SortedFunc(maps.Keys(objects), func(a, b string) int { return newest[b].Compare(newest[a]) })
	for _, dump := range dumps[min(cachedDumps, len(dumps)):] {
		for _, name := range objects[dump] {
			for _, beside := range []string{"", ".json", ".lock"} {
				_ = os.Remove(filepath.Join(c.folder, name+beside))
			}
		}
	}
}

// sweepPart removes what a fetch has left behind, unless it is still under way.
func (c *cache) sweepPart(name string) {
	dump := strings.TrimSuffix(name, ".part")
	dump = strings.TrimSuffix(dump, filepath.Ext(dump)) // the tag
	lock, err := os.Open(filepath.Join(c.folder, dump+".lock"))
	if err == nil {
		defer func() { _ = lock.Close() }()
		if taken, _ := tryLock(lock); !taken {
			return
		}
	}
	_ = os.Remove(filepath.Join(c.folder, name))
}

// isBeside says whether a file of the cache is about an object, and none itself.
func isBeside(name string) bool {
	return strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, ".part")
}

// spaceError marks the errors of a full disk.
func spaceError(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrCacheSpace, err)
	}
	return err
}
