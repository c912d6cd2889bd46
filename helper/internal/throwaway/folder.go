package throwaway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// folderPattern is the pattern of throw-away servers' folders in the folder for temporary files.
const folderPattern = "dump-bake-*"

// The names in such a folder. A socket's whole path must be short.
const (
	lockName   = "lock"
	dataName   = "data"
	tmpName    = "tmp"
	socketName = "s"
)

// longestSocket is the longest path of a Unix socket that works everywhere.
const longestSocket = 103

// folder belongs to the process that has locked it. The lock ends with the process.
type folder struct {
	path string
	lock *os.File
}

// newFolder makes a folder, and removes those that killed processes have left.
func newFolder() (*folder, error) {
	sweep(os.TempDir())
	path, err := os.MkdirTemp("", folderPattern)
	if err != nil {
		return nil, fmt.Errorf("make a folder for a throw-away server: %w", err)
	}
	f := &folder{path: path}
	if f.lock, err = claim(path); err == nil {
		err = errors.Join(os.Mkdir(f.file(dataName), 0o700), os.Mkdir(f.file(tmpName), 0o700))
	}
	if name := f.file(socketName); err == nil && len(name) > longestSocket {
		err = fmt.Errorf("%s is too long for the path of a socket, set TMPDIR to a shorter one", name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a folder for a throw-away server: %w", err), f.remove())
	}
	return f, nil
}

// claim locks a folder. The lock file gets its name only when it is locked, so no other process sees it unlocked.
func claim(path string) (*os.File, error) {
	unnamed := filepath.Join(path, lockName+".new")
	file, err := os.OpenFile(unnamed, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		err = os.Rename(unnamed, filepath.Join(path, lockName))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// sweep removes the folders of dead processes. Those that cannot be removed belong to other users.
func sweep(temporary string) {
	locks, _ := filepath.Glob(filepath.Join(temporary, folderPattern, lockName))
	for _, name := range locks {
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(name))
		}
		_ = file.Close()
	}
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// giveTo gives the folder to another account; nil for that which has it. The lock stays.
func (f *folder) giveTo(as *account) error {
	if as == nil {
		return nil
	}
	for _, path := range []string{f.path, f.file(dataName), f.file(tmpName)} {
		if err := os.Chown(path, int(as.uid), int(as.gid)); err != nil {
			return fmt.Errorf("make a folder for a throw-away server: %w", err)
		}
	}
	return nil
}

func (f *folder) remove() error {
	err := os.RemoveAll(f.path)
	if f.lock != nil {
		_ = f.lock.Close()
	}
	if err != nil {
		return fmt.Errorf("remove the folder of a throw-away server: %w", err)
	}
	return nil
}
