package testserver

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SmallDisk mounts a disk of a size such as "32m" on an existing folder. Other options of tmpfs may follow the size. It needs root.
func SmallDisk(folder, size string) (unmount func(), err error) {
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		return nil, fmt.Errorf("make a small disk of %s: %w", folder, err)
	}
	return func() { _ = unix.Unmount(folder, unix.MNT_DETACH) }, nil
}
