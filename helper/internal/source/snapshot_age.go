package source

import (
	"context"
	"fmt"
	"time"
)

// While a snapshot is open, the server keeps the old versions of all changed rows: InnoDB's undo log grows, and
// PostgreSQL's VACUUM removes nothing. Tests shorten these times.
var (
	// SnapshotNoted is the age from which a note tells the user how long the snapshot was open.
	SnapshotNoted = 15 * time.Minute
	// SnapshotLimit is the age at which a dump is stopped.
	SnapshotLimit = 6 * time.Hour
)

// errSnapshotLimit returns the error of a dump that reached SnapshotLimit.
func errSnapshotLimit() error {
	return fmt.Errorf("read staging: %w: %s", ErrSnapshotTooLong, LengthOf(SnapshotLimit))
}

// withLimit cancels a context when the snapshot of a dump has been open for too long.
func withLimit(ctx context.Context, began time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, began.Add(SnapshotLimit), errSnapshotLimit())
}

// endOf returns why a context has ended, or nil if it has not. A connection checks the deadline by itself and may notice
// it before the context does.
func endOf(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return context.Cause(ctx)
}

// noteAge tells the user that a snapshot was open for long.
func (d *Dump) noteAge() {
	if age := time.Since(d.began); d.note != nil && age >= SnapshotNoted {
		d.note(fmt.Sprintf("the snapshot on staging was open for %s; meanwhile the server kept the old versions of all changed rows", LengthOf(age)))
		d.note = nil
	}
}

// LengthOf formats a duration for people.
func LengthOf(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// Closing is a function that acts as an io.Closer.
type Closing func()

// Close calls the function.
func (c Closing) Close() error {
	c()
	return nil
}
