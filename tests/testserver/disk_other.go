//go:build !linux

package testserver

import "errors"

// SmallDisk mounts a disk of a size such as "32m" on an existing folder. Only Linux can do this.
func SmallDisk(string, string) (unmount func(), err error) {
	return nil, errors.New("make a small disk: only Linux can")
}
