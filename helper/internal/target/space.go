package target

import (
	"os"

	"golang.org/x/sys/unix"
)

// FreeBytes returns how much space is available where path lies. mark is a path that exists only if the folder is
// really the server's, and not a folder of the same name outside the server's container.
func FreeBytes(path, mark string) (int64, bool) {
	if _, err := os.Stat(mark); err != nil {
		return 0, false
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, false
	}
	return int64(fs.Bavail) * int64(fs.Bsize), true
}
