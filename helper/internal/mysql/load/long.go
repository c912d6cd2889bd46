package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A value may have as many bytes as the server takes in a statement, up to a gigabyte. The statement of such a row is sent while it is
// read, so it is never in memory as a whole.

// addLong adds a row that comes in parts: piece is the first one, and next returns the others. It returns how many rows the table has
// gained.
func (l *Load) addLong(ctx context.Context, s *session.Session, piece sqltext.Piece, next func() (sqltext.Piece, error)) (rows int64, err error) {
	var done protocol.Outcome
	table := piece.Table
	err = s.Conn.Raw(func(driverConn any) error {
		statement, err := protocol.NewLongStatement(driverConn)
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { _ = statement.Close() })()
		if err := l.sendLong(statement, piece, next); err != nil {
			_ = statement.Close() // the server must not take what it has for the whole
			return err
		}
		done, err = statement.Finish()
		return err
	})
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err == nil && done.Warnings > 0:
		err = l.warnings.hear(ctx, s, table, nil)
	}
	return done.Rows, err
}

// sendLong sends the parts of a row. If they are too long for the server, it still reads them to their end, to say how long they are.
func (l *Load) sendLong(to io.Writer, piece sqltext.Piece, next func() (sqltext.Piece, error)) error {
	rows := l.judge.Rows()
	for length := int64(0); ; {
		if err := rows.Part(piece.Text, !piece.Open); err != nil {
			return &notAdmitted{err}
		}
		length += int64(len(piece.Text))
		if length <= l.packet {
			if _, err := to.Write(piece.Text); err != nil {
				return err
			}
		}
		switch {
		case piece.Open:
		case length > l.packet:
			return &target.PacketError{Table: piece.Table, Need: length + packetHead, Limit: l.packet + packetHead}
		default:
			return nil
		}
		var err error
		if piece, err = next(); err != nil {
			return &readError{err}
		}
	}
}

// readError is an error of the dump, and not of the server.
type readError struct{ error }

func (e *readError) Error() string { return "read the dump: " + e.error.Error() }

func (e *readError) Unwrap() error { return e.error }

// streams reports whether the text of a chunk is read in parts. The rows of system-versioned tables may have to be changed.
func (r *rowLoad) streams(chunk dump.StoredChunk) bool {
	return chunk.IsLong() && !(r.Versions.InDump && slices.Contains(r.Versions.Tables, chunk.Table))
}

// longChunk does what chunk does for a text that is too long for the memory. Only one session does so at a time.
func (r *rowLoad) longChunk(ctx context.Context, s *session.Session, i int, text io.Reader) error {
	r.long.Lock()
	defer r.long.Unlock()
	chunk := r.list[i]
	insert := "INSERT INTO " + mysql.QuoteName(chunk.Table) + " ("
	splitter := sqltext.NewSplitter(text, sqltext.MySQL)
	next := func() (sqltext.Piece, error) {
		piece, err := splitter.Next()
		piece.Offset += r.offsets[i]
		r.progress(int64(len(piece.Raw)))
		return piece, err
	}
	var got int64
	for {
		piece, err := next()
		switch {
		case err == io.EOF && got == chunk.Rows:
			return nil
		case err == io.EOF:
			return &target.MismatchError{Table: chunk.Table, Want: chunk.Rows, Got: got}
		case err != nil:
			return fmt.Errorf("read the dump: %w", err)
		case piece.Kind == sqltext.Filler:
			continue
		case piece.Kind != sqltext.Rows || piece.Rows < 0 || len(piece.Text) < len(insert) || string(piece.Text[:len(insert)]) != insert:
			return fmt.Errorf("read the dump: %w", &target.ChunkError{Table: chunk.Table})
		}
		rows, err := r.addPiece(ctx, s, piece, next)
		if err != nil {
			return err
		}
		got += rows
		r.statements.Add(1)
	}
}

func (r *rowLoad) addPiece(ctx context.Context, s *session.Session, piece sqltext.Piece, next func() (sqltext.Piece, error)) (int64, error) {
	if piece.Open {
		rows, err := r.addLong(ctx, s, piece, next)
		return rows, r.failedAt(ctx, piece, 0, err)
	}
	rows, err := r.insertBulk(ctx, s, piece, piece.Text)
	if errors.Is(err, ErrNotBulk) {
		return r.insertRows(ctx, s, piece, piece.Text)
	}
	return rows, err
}
