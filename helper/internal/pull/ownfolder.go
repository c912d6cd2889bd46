package pull

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrCacheUnsafe means that others could have the cache written to elsewhere.
var ErrCacheUnsafe = errors.New("the cache folder is not safe")

// othersWrite are the permissions of others than the owner to write.
const othersWrite fs.FileMode = 0o022

// makeFolder makes a folder below the cache's root, with those between. In a root that everybody may write to, somebody else may have put a link or
// a folder there. What is below a folder that is ours alone is ours, too.
func makeFolder(root, folder string) error {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	above, err := os.Stat(root)
	if err != nil {
		return err
	}
	below, err := filepath.Rel(root, folder)
	if err != nil {
		return err
	}
	if below != "." && above.Mode().Perm()&0o002 != 0 {
		first, _, _ := strings.Cut(below, string(filepath.Separator))
		if err := makeOwn(filepath.Join(root, first)); err != nil {
			return err
		}
	}
	return os.MkdirAll(folder, 0o700)
}

// makeOwn makes a folder, or checks that an existing one is this user's alone. It fails with ErrCacheUnsafe.
func makeOwn(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	found, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	owner, known := found.Sys().(*syscall.Stat_t)
	switch {
	case !found.IsDir():
		return fmt.Errorf("%w: %s is no folder but a link or a file, and everybody may write to the one above", ErrCacheUnsafe, folder)
	case known && int64(owner.Uid) != int64(os.Geteuid()):
		return fmt.Errorf("%w: %s belongs to another user, and everybody may write to the one above", ErrCacheUnsafe, folder)
	case found.Mode().Perm()&othersWrite != 0:
		return fmt.Errorf("%w: others may write to %s, and everybody to the one above", ErrCacheUnsafe, folder)
	}
	return nil
}

// openOwn opens a file of the cache for writing, and makes it if it is missing. It does not follow a link.
func openOwn(path string, flags int) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|unix.O_NOFOLLOW|flags, 0o600)
}

// writeOwn replaces the contents of a file of the cache. It does not follow a link.
func writeOwn(path string, text []byte) error {
	file, err := openOwn(path, os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
