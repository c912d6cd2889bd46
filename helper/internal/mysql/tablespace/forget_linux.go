package tablespace

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget asks the kernel to drop a file's pages from memory if they are on disk.
func forget(file *os.File) { _ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED) }
