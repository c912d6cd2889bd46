package source

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Dump is a running dump. Read it to its end, then close it.
type Dump struct {
	// SnapshotTime is the moment just before the snapshot was taken, in UTC, by the server's clock if there is a
	// server.
	SnapshotTime time.Time

	// How tells the user how all rows come from that one moment. It is empty if the dump client ensures this.
	How string

	// Unread are the tables whose rows are not in the dump, because they are those of the earlier one; see DumpSince.
	Unread []string

	Text    io.Reader                                       // set for a client or a command
	Chunks  func(ctx context.Context, emit dump.Emit) error // set for our own engine
	Closers []io.Closer                                     // closed in this order
	failed  error
	began   time.Time
	note    func(string) // nil if nothing is to be reported
	Info    *Info        // the source at the moment of the snapshot, if Dump inspected it again
}

// Read reads the SQL. If the source fails, Read returns that error instead of io.EOF, so only a dump that was read to
// io.EOF is complete. After a cancelled context it returns the context's error.
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

// Close stops the dump at any point. When Close returns, no process of the dump is left on this machine.
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
