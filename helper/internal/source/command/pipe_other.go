//go:build !linux

package command

import "os"

// widen does nothing: only Linux lets a program say how large a pipe's buffer is.
func widen(*os.File) {}
