package tablespace

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget has the kernel keep in memory nothing of a file that is on disk as well, if it can.
func forget(file *os.File) { _ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED) }
