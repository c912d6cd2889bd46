package dumpclient

import (
	"context"
	"os/exec"

	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
)

// InBlocks makes a dump client write its output in large blocks, if stdbuf from the GNU coreutils is installed. On its
// own, a client writes 4 KiB at a time, and client and helper spend 0.6 s of CPU on passing on 1 GB. Over a slow line, a block that is far larger
// would take so long that the client seems silent.
func InBlocks(ctx context.Context, p command.Program) command.Program {
	stdbuf, err := exec.LookPath("stdbuf")
	if err != nil {
		return p
	}
	// This trial run fails if stdbuf's library is missing.
	blocks := []string{"--output=64K", p.Path}
	if _, err := Ask(ctx, stdbuf, append(blocks, "--version")...); err != nil {
		return p
	}
	p.Path, p.Args = stdbuf, append(blocks, p.Args...)
	return p
}
