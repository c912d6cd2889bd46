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
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// ErrCacheSpace means that the cache folder's disk has no space for the dump.
var ErrCacheSpace = errors.New("no space left in the cache folder")

// cachedDumps is how many dumps of a project the cache keeps, each with its baked objects: the current one and the one
// before.
const cachedDumps = 2

// cache keeps exact copies of the bucket's dumps, in one folder per bucket and prefix. A dump gets its own name only when
// it is complete; the manifest beside it says which object it is. If the dump has an index, each chunk is compared with its
// SHA-256 when it is read, and nothing else in the file is used. If it has none, the manifest has the hash of the whole file.
type cache struct {
	folder   string
	progress dump.Progress
}

// manifest describes a cached dump. It lies beside it.
type manifest struct {
	ETag   string `json:"etag"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"` // only for a dump without an index
	// Verified means that the content is what the store knows of it. If it is not set, a failed load drops the copy.
	Verified bool `json:"verified,omitempty"`
}

// newCache opens the part of the cache that belongs to an object's folder in the bucket.
func newCache(root, bucketName string, object bucket.Object, progress dump.Progress) (*cache, error) {
	folder := filepath.Join(root, bucketName, filepath.FromSlash(strings.TrimSuffix(object.Key, object.Name)))
	if !strings.HasPrefix(folder, filepath.Clean(root)+string(filepath.Separator)) {
		return nil, fmt.Errorf("cache s3://%s/%s: the key leads out of the cache folder", bucketName, object.Key)
	}
	if err := makeFolder(filepath.Clean(root), folder); err != nil {
		return nil, fmt.Errorf("make the cache folder: %w", spaceError(err))
	}
	return &cache{folder: folder, progress: progress}, nil
}

// request names an object that a pull needs.
type request struct {
	store  *bucket.Bucket
	object bucket.Object
	// checked means that the reader compares each chunk with an index.
	checked bool
	// index is the object's, if all of it is needed and it has one.
	index *dumpfile.Index
	// advance counts the fetched bytes. It is nil if the load reports the progress of the pull.
	advance func(int64)
}

// expected returns the total that the phase of a fetch announces: 0 if the load reports the progress.
func (r request) expected(bytes int64) int64 {
	if r.advance == nil {
		return 0
	}
	return bytes
}

// fetch returns an object from the cache. If it is not there, fetch starts to fetch it. If several pulls need the same
// object, one fetches it and the others wait.
func (c *cache) fetch(ctx context.Context, r request) (*entry, error) {
	path := c.path(r.object)
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	e, err := c.lookup(ctx, r)
	if e == nil && err == nil {
		e, err = c.startFetch(ctx, r, unlock)
		if err == nil {
			return e, nil
		}
	}
	unlock()
	return e, err
}

func (c *cache) path(object bucket.Object) string { return filepath.Join(c.folder, object.Name) }

// dumpPath returns where a dump of the folder is, or would be, by its key.
func (c *cache) dumpPath(key string) string { return filepath.Join(c.folder, path.Base(key)) }

// has reports whether the cache has a dump of that key.
func (c *cache) has(key string) bool {
	info, err := os.Stat(c.dumpPath(key))
	return err == nil && info.Mode().IsRegular()
}

// lookup returns the cached object; nil if it is not there or is damaged.
func (c *cache) lookup(ctx context.Context, r request) (*entry, error) {
	path := c.path(r.object)
	m, ok := readManifest(path)
	if !ok || m.ETag != r.object.ETag || m.Size != r.object.Size {
		return nil, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the cached dump: %w", err)
	}
	right, err := c.isRight(ctx, file, r, m)
	if right {
		e := cachedEntry(file, r.object)
		e.verified = m.Verified
		return e, nil
	}
	_ = file.Close()
	if err == nil {
		c.noteDamage(r.object)
	}
	return nil, err
}

// isRight reports whether a cached dump is undamaged. A dump without an index is hashed here: no later step would notice
// a wrong byte.
func (c *cache) isRight(ctx context.Context, file *os.File, r request, m manifest) (bool, error) {
	if r.checked {
		info, err := file.Stat()
		return err == nil && info.Size() == r.object.Size, nil
	}
	c.progress.Phase("checking the cached dump", r.object.Size)
	sum, size, err := c.hash(ctx, file, nil)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return err == nil && size == r.object.Size && sum == m.SHA256, nil
}

func (c *cache) noteDamage(object bucket.Object) {
	c.progress.Note(fmt.Sprintf("the cached copy of %s is damaged, fetching it again", object.Name))
}

// discard removes a damaged dump from the cache, unless another process has replaced it.
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

// readManifest reads the manifest of a dump. It is not ok if it is missing or unreadable.
func readManifest(path string) (m manifest, ok bool) {
	text, err := os.ReadFile(path + ".json")
	ok = err == nil && json.Unmarshal(text, &m) == nil
	return m, ok
}

// hash returns the SHA-256 and the size of a file. The bytes also go to another sum, unless it is nil.
func (c *cache) hash(ctx context.Context, file io.Reader, other *bucket.Sum) (sum string, size int64, err error) {
	hash := sha256.New()
	block := make([]byte, 1<<20)
	for {
		if ctx.Err() != nil {
			return "", 0, context.Cause(ctx)
		}
		n, err := file.Read(block)
		hash.Write(block[:n])
		if other != nil {
			_, _ = other.Write(block[:n]) // never fails
		}
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

// checkSpace refuses a fetch that the disk has no space for.
func (c *cache) checkSpace(missing int64) error {
	// If the free space is unknown, the write will fail when the disk is full.
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

// bytesOnDisk is the space that a file takes, without its holes; 0 if that is unknown.
func bytesOnDisk(file *os.File) int64 {
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return 0
	}
	return stat.Blocks * 512
}

// sweep removes all but the newest dumps with their baked objects, and the partial files of fetches that have ended.
func (c *cache) sweep() {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return
	}
	objects := map[string][]string{} // file names by dump
	newest := map[string]time.Time{} // the newest file's time by dump
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
		// A time in the future is that of a wrong clock: it must not push out what is used now.
		if newest[dump].Before(info.ModTime()) && !clock.IsFuture(info.ModTime(), time.Now()) {
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

// sweepPart removes a partial file unless its fetch is still running.
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

// isBeside reports whether a file of the cache belongs to an object and is not an object itself.
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
