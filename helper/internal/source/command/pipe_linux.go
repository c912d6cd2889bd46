package command

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is how much a dump client may be ahead, in bytes: what a user may have without being root.
const pipeSize = 1 << 20

// widen gives a pipe a larger buffer, so that client and helper wake one another less often. Where
// the system does not grant it, the pipe works as it is.
func widen(pipe *os.File) {
	_, _ = unix.FcntlInt(pipe.Fd(), unix.F_SETPIPE_SZ, pipeSize)
}
