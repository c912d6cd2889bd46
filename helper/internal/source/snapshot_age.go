package source

import (
	"context"
	"fmt"
	"time"
)

// While a snapshot is held, a server keeps the old versions of all rows that are changed: InnoDB's undo log grows, and
// VACUUM of PostgreSQL removes nothing. Tests make these shorter.
var (
	// SnapshotNoted is from when on a user is told how long it was.
	SnapshotNoted = 15 * time.Minute
	// SnapshotLimit is when a dump is ended.
	SnapshotLimit = 6 * time.Hour
)

// errSnapshotLimit is why a dump ends then.
func errSnapshotLimit() error {
	return fmt.Errorf("read staging: %w: %s", ErrSnapshotTooLong, LengthOf(SnapshotLimit))
}

// withLimit ends a context when the snapshot of a dump has been held for too long.
func withLimit(ctx context.Context, began time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, began.Add(SnapshotLimit), errSnapshotLimit())
}

// endOf says why a context has ended; nil where it has not. A connection notices a deadline by its own clock, perhaps before the
// context does.
func endOf(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return context.Cause(ctx)
}

// noteAge tells that a snapshot was held for long.
func (d *Dump) noteAge() {
	if age := time.Since(d.began); d.note != nil && age >= SnapshotNoted {
		d.note(fmt.Sprintf("the snapshot on staging was held for %s: for as long the server kept old versions of all rows that were changed", LengthOf(age)))
		d.note = nil
	}
}

// LengthOf writes a length of time for people.
func LengthOf(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// Closing is something to be closed.
type Closing func()

// Close calls it.
func (c Closing) Close() error {
	c()
	return nil
}
