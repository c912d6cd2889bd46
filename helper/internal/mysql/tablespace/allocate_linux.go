package tablespace

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves space for a file, which then reads as zeros; false if the file system cannot do that.
func allocate(file *os.File, size int64) (bool, error) {
	for {
		err := unix.Fallocate(int(file.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return false, nil
		default:
			return err == nil, err
		}
	}
}
