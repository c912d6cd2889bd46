package source

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Dump is a running dump, to be read to its end and closed.
type Dump struct {
	// SnapshotTime is the moment, UTC, just before the dump's snapshot was taken, by the server's
	// clock where there is a server.
	SnapshotTime time.Time

	// How says by what means all rows are of that one moment, for the user to read; empty where the dump client
	// sees to it.
	How string

	Text    io.Reader                                       // of a client or command
	Chunks  func(ctx context.Context, emit dump.Emit) error // of our own engine
	Closers []io.Closer                                     // in this order
	failed  error
	began   time.Time
	note    func(string) // nil where nothing is to be told
	Info    *Info        // what there was at the moment of the snapshot, if it was asked for again
}

// Read gives the SQL. Where the source failed it gives that failure instead of io.EOF, however much
// was read before: only a dump that was read to io.EOF is whole. After a cancelled context it gives
// the context's error.
func (d *Dump) Read(p []byte) (int, error) {
	if d.failed != nil {
		return 0, d.failed
	}
	n, err := d.Text.Read(p)
	if err != nil {
		d.failed = err
	}
	if err == io.EOF {
		d.noteAge()
	}
	return n, err
}

// Close ends the dump wherever it is. When it returns, no process of the dump is left on this
// machine.
func (d *Dump) Close() error {
	var failed []error
	for _, closer := range d.Closers {
		failed = append(failed, closer.Close())
	}
	d.Closers = nil
	if d.failed == nil {
		d.failed = io.ErrClosedPipe
	}
	return errors.Join(failed...)
}
