package source

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Chunked reports whether the dump comes in chunks, from WriteChunks, or as text, from Read.
func (d *Dump) Chunked() bool { return d.Chunks != nil }

// WriteChunks emits the whole dump: the head, then the rows of all tables over several connections and in no particular
// order, then the tail. The dump is complete only if WriteChunks returns nil. Errors that a user can act on are defined
// in errors.go or come from emit.
func (d *Dump) WriteChunks(ctx context.Context, emit dump.Emit) error {
	ctx, cancel := withLimit(ctx, d.began)
	defer cancel()
	err := d.Chunks(ctx, emit)
	if err == nil {
		d.noteAge()
		return nil
	}
	if ended := endOf(ctx); ended != nil {
		return ended
	}
	return err
}
