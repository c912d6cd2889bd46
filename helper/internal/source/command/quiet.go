package command

import (
	"context"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// quiet ends a command that prints nothing for too long while its output is waited for. Time in which nobody reads does not count.
type quiet struct {
	io.Reader
	limit  time.Duration
	cancel context.CancelCauseFunc // of the command's context
}

func (q *quiet) Read(p []byte) (int, error) {
	timer := time.AfterFunc(q.limit, func() { q.cancel(&source.SilentCommandError{For: q.limit}) })
	defer timer.Stop()
	return q.Reader.Read(p)
}
