package command

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is how many bytes a dump client may write ahead: Linux's default limit for users other than root.
const pipeSize = 1 << 20

// widen enlarges a pipe's buffer, so that client and helper wake each other less often. If the kernel refuses, the
// pipe works with its usual size.
func widen(pipe *os.File) {
	_, _ = unix.FcntlInt(pipe.Fd(), unix.F_SETPIPE_SZ, pipeSize)
}
