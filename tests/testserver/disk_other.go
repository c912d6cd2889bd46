//go:build !linux

package testserver

import "errors"

// SmallDisk makes a folder that is there a disk of a size such as "32m". Only Linux can.
func SmallDisk(string, string) (unmount func(), err error) {
	return nil, errors.New("make a small disk: only Linux can")
}
