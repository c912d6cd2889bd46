package load

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// copyLong does what copyChunk does for a text that is too long for the memory. It is read again if a row violates a CHECK.
func (l *Load) copyLong(ctx context.Context, s *session.Session, chunk dump.StoredChunk, open func() io.Reader, at Statement, progress func(int64)) error {
	var failed error // of the reader
	tag, err := l.withoutChecks(ctx, s, func() (tag pgconn.CommandTag, err error) {
		tag, err, failed = l.copyLongOnce(ctx, s, chunk, open(), progress)
		progress = func(int64) {} // it is known once
		return tag, err
	})
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return l.Failed(ctx, at, err)
	case tag.RowsAffected() != chunk.Rows:
		return &target.MismatchError{Table: chunk.Table, Want: chunk.Rows, Got: tag.RowsAffected()}
	}
	return nil
}

// copyLongOnce returns what the server says, and apart from that what is wrong with the text.
func (l *Load) copyLongOnce(ctx context.Context, s *session.Session, chunk dump.StoredChunk, text io.Reader, progress func(int64)) (tag pgconn.CommandTag, err, failed error) {
	splitter := sqltext.NewSplitter(text, sqltext.Postgres)
	refused := fmt.Errorf("read the dump: %w", &target.ChunkError{Table: chunk.Table})
	piece, err := splitter.Next()
	if err != nil {
		return tag, nil, fmt.Errorf("read the dump: %w", err)
	}
	if piece.Kind != sqltext.CopyBegin {
		return tag, nil, refused
	}
	progress(int64(len(piece.Raw)))
	statement, _, err := cutCopy(append(piece.Raw[:len(piece.Raw):len(piece.Raw)], endOfRows...), chunk.Table)
	if err != nil {
		return tag, nil, fmt.Errorf("read the dump: %w", err)
	}
	if err := l.sameColumns(chunk.Table, statement); err != nil {
		return tag, nil, err
	}
	rows := &copyRows{script: &Script{splitter, progress}}
	source := &chunkRows{from: rows}
	tag, err = postgres.CopyFrom(ctx, s.Conn, source, statement)
	source.end()
	switch {
	case rows.err != nil && rows.err != io.EOF:
		return tag, nil, fmt.Errorf("read the dump: %w", rows.err)
	case err != nil:
		return tag, err, nil
	}
	switch _, err := splitter.Next(); err {
	case io.EOF:
		return tag, nil, nil
	case nil:
		return tag, nil, refused
	default:
		return tag, nil, fmt.Errorf("read the dump: %w", err)
	}
}
