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
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
)

// ErrCacheSpace means that the cache folder's disk has no room for the dump.
var ErrCacheSpace = errors.New("no space left in the cache folder")

// cachedDumps is how many dumps of a project the cache keeps: the one at hand, and the one before.
const cachedDumps = 2

// cache keeps dumps as they lie in the bucket, in one folder per bucket and prefix. A dump is there
// under its own name only when it is whole; a note beside it says what its bytes must hash to.
type cache struct {
	folder   string
	progress Progress
}

// seal is the note beside a cached dump.
type seal struct {
	ETag   string `json:"etag"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
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

// obtain gives the object as a file, fetched only if the cache does not hold it; fetched is the
// number of bytes that came from the bucket. Of several pulls at once, one fetches and the others
// wait for it.
func (c *cache) obtain(ctx context.Context, store *bucket.Bucket, object bucket.Object) (file *os.File, fetched int64, err error) {
	path := filepath.Join(c.folder, object.Name)
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return nil, 0, err
	}
	defer unlock()
	if file, err = c.open(ctx, path, object); err != nil || file != nil {
		return file, 0, err
	}
	if err := c.checkSpace(object.Size); err != nil {
		return nil, 0, err
	}
	if err := c.fetch(ctx, store, object, path); err != nil {
		return nil, 0, err
	}
	if file, err = os.Open(path); err != nil {
		return nil, 0, fmt.Errorf("open the cached dump: %w", err)
	}
	return file, object.Size, nil
}

// open gives the cached file, nil where there is none or where it is not what was fetched.
func (c *cache) open(ctx context.Context, path string, object bucket.Object) (*os.File, error) {
	sealed, ok := readSeal(path)
	if !ok || sealed.ETag != object.ETag || sealed.Size != object.Size {
		return nil, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the cached dump: %w", err)
	}
	c.progress.Phase("checking the cached dump", object.Size)
	sum, size, err := c.hash(ctx, file)
	if err == nil && size == object.Size && sum == sealed.SHA256 {
		_, err = file.Seek(0, io.SeekStart)
		return file, err
	}
	_ = file.Close()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c.progress.Note(fmt.Sprintf("the cached copy of %s is damaged, it is fetched again", object.Name))
	return nil, nil
}

// readSeal reads the note beside a dump, which is none if it cannot be read.
func readSeal(path string) (sealed seal, ok bool) {
	text, err := os.ReadFile(path + ".json")
	ok = err == nil && json.Unmarshal(text, &sealed) == nil
	return sealed, ok
}

// fetch brings an object into the cache.
func (c *cache) fetch(ctx context.Context, store *bucket.Bucket, object bucket.Object, path string) (err error) {
	part, err := os.OpenFile(path+".part", os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the cache: %w", spaceError(err))
	}
	defer func() {
		_ = part.Close()
		if err != nil {
			_ = os.Remove(part.Name())
		}
	}()
	c.progress.Phase("fetching "+object.Name, object.Size)
	if err := store.Fetch(ctx, object, part, 0, c.progress.Advance); err != nil {
		return fmt.Errorf("fetch %s: %w", object.Name, spaceError(err))
	}
	if _, err := part.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the cache: %w", err)
	}
	c.progress.Phase("", 0)
	sum, size, err := c.hash(ctx, part)
	if err != nil {
		return fmt.Errorf("read the cache: %w", err)
	}
	if size != object.Size {
		return fmt.Errorf("fetch %s: %d bytes came, %d were announced", object.Name, size, object.Size)
	}
	if err := part.Sync(); err != nil {
		return fmt.Errorf("write the cache: %w", spaceError(err))
	}
	text, err := json.Marshal(seal{ETag: object.ETag, Size: size, SHA256: sum})
	if err != nil {
		return fmt.Errorf("describe the cached dump: %w", err)
	}
	// The note first: without the dump it says nothing, and a dump with an older note is fetched again.
	if err := os.WriteFile(path+".json", text, 0o600); err != nil {
		return fmt.Errorf("write the cache: %w", spaceError(err))
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	return nil
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
func (c *cache) checkSpace(size int64) error {
	// Where nobody knows how much is free, the write will tell.
	if free, known := freeBytes(c.folder); known && free < size {
		return fmt.Errorf("%w: %s has %d bytes free, the dump has %d", ErrCacheSpace, c.folder, free, size)
	}
	return nil
}

func freeBytes(folder string) (int64, bool) {
	var disk unix.Statfs_t
	err := unix.Statfs(folder, &disk)
	return int64(disk.Bavail) * int64(disk.Bsize), err == nil
}

// sweep removes all but the newest few dumps, and what earlier fetches left behind.
func (c *cache) sweep() {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return
	}
	var dumps []fs.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || isBeside(entry.Name()) {
			continue
		}
		dumps = append(dumps, info)
	}
	slices.SortFunc(dumps, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for i, dump := range dumps {
		if i < cachedDumps {
			continue
		}
		path := filepath.Join(c.folder, dump.Name())
		for _, beside := range []string{"", ".json", ".lock"} {
			_ = os.Remove(path + beside)
		}
	}
}

// isBeside says whether a file of the cache is something that stands beside a dump.
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
