package target

import (
	"os"

	"golang.org/x/sys/unix"
)

// FreeBytes tells how much room is left for us where path lies. mark is a path that exists only if the
// folder is the server's own, and not one of the same name outside of the server's container.
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
