package source

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Chunked says whether the dump comes in chunks, from WriteChunks, or as text, from Read.
func (d *Dump) Chunked() bool { return d.Chunks != nil }

// WriteChunks emits the whole dump: the head, then rows of all tables over several connections, in no
// particular order, then the tail. Only if it returns nil is the dump whole. The errors that a user can act
// on are those of errors.go, and those of emit.
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
