package load

import (
	"context"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// copyLong does what copyChunk does for a text that is too long for the memory.
func (l *Load) copyLong(ctx context.Context, s *session.Session, chunk dump.StoredChunk, text io.Reader, at Statement, progress func(int64)) error {
	splitter := sqltext.NewSplitter(text, sqltext.Postgres)
	refused := fmt.Errorf("read the dump: %w", &target.ChunkError{Table: chunk.Table})
	piece, err := splitter.Next()
	if err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	if piece.Kind != sqltext.CopyBegin {
		return refused
	}
	progress(int64(len(piece.Raw)))
	statement, _, err := cutCopy(append(piece.Raw[:len(piece.Raw):len(piece.Raw)], endOfRows...), chunk.Table)
	if err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	if err := l.sameColumns(chunk.Table, statement); err != nil {
		return err
	}
	rows := &copyRows{script: &Script{splitter, progress}}
	source := &chunkRows{from: rows}
	tag, err := postgres.CopyFrom(ctx, s.Conn, source, statement)
	source.end()
	switch {
	case rows.err != nil && rows.err != io.EOF:
		return fmt.Errorf("read the dump: %w", rows.err)
	case err != nil:
		return l.Failed(ctx, at, err)
	case tag.RowsAffected() != chunk.Rows:
		return &target.MismatchError{Table: chunk.Table, Want: chunk.Rows, Got: tag.RowsAffected()}
	}
	switch _, err := splitter.Next(); err {
	case io.EOF:
		return nil
	case nil:
		return refused
	default:
		return fmt.Errorf("read the dump: %w", err)
	}
}
