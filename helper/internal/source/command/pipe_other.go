//go:build !linux

package command

import "os"

// widen does nothing: only Linux lets a program set the size of a pipe's buffer.
func widen(*os.File) {}
