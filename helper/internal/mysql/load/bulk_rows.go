package load

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// BulkBytes is the least text that an INSERT must have to be sent in bulk. Preparing a shorter statement takes as
// long as parsing it.
const BulkBytes = 16 << 10

// takesBulk says whether values mean the same as texts to the pool's sessions. The dump's head has made settings for
// all of them.
func (l *Load) takesBulk(ctx context.Context) (bool, error) {
	s := l.Pool.Sessions[0]
	if s.Wire == nil || !s.Wire.Bulk {
		return false, nil
	}
	rows, err := s.Table(ctx, "SELECT @@sql_mode AS mode, @@character_set_client AS client, @@character_set_connection AS connection,"+
		" @@log_bin AND @@binlog_format = 'STATEMENT' AS statements")
	if err != nil {
		return false, err
	}
	// A binary log of statements takes no rows in bulk.
	return len(rows) == 1 && rows[0]["statements"] == "0" && rows[0]["client"] == "utf8mb4" && rows[0]["connection"] == "utf8mb4" &&
		!strings.Contains(rows[0]["mode"], "NO_BACKSLASH_ESCAPES"), nil
}

// insertBulk runs an INSERT by sending its rows as values, and returns how many rows the table has gained. It returns
// ErrNotBulk and has done nothing if the server does not accept them as values, or might store something other than
// for the text.
func (r *rowLoad) insertBulk(ctx context.Context, s *session.Session, piece sqltext.Piece, statement []byte) (int64, error) {
	if len(statement) < r.BulkAbove {
		return 0, ErrNotBulk
	}
	done, err := protocol.Outcome{}, ErrNotBulk
	if r.bulk && s.Wire != nil && s.Wire.Bulk {
		done, err = InsertBulk(ctx, s, piece.Table, statement, int(min(r.packet, protocol.LongestPacket-1)))
	}
	if errors.Is(err, ErrNotBulk) {
		if r.Server.Config.AsText != nil {
			r.Server.Config.AsText(piece.Table)
		}
		return 0, err
	}
	if err == nil && done.Warnings > 0 {
		err = r.warnings.hear(ctx, s, piece.Table, statement)
	}
	return done.Rows, r.failedAt(ctx, piece, 0, err)
}

// InsertBulk does what insertBulk does, for one session, with packets of at most limit bytes.
func InsertBulk(ctx context.Context, s *session.Session, table string, statement []byte, limit int) (done protocol.Outcome, err error) {
	if err := prepareBulk(ctx, s, table, statement); err != nil {
		return done, err
	}
	for {
		s.Packet, err = preparedBulk(s).packet(s.Packet, statement, limit)
		var open *doubt
		if !errors.As(err, &open) {
			break
		}
		if settled, err := settle(ctx, s, table, open); err != nil {
			return done, err
		} else if !settled {
			return done, ErrNotBulk
		}
	}
	if err != nil {
		return done, err
	}
	done, err = execute(ctx, s)
	switch mysql.Errno(err) {
	case mysql.ErrnoUnsupportedPrepare, mysql.ErrnoUnknownCommand:
		s.Wire.Bulk = false // whatever it has announced
		return done, ErrNotBulk
	}
	return done, err
}

// preparedBulk returns the INSERT that the session prepared last; nil for none.
func preparedBulk(s *session.Session) *bulkInsert {
	insert, _ := s.Prepared.(*bulkInsert)
	return insert
}

// prepareBulk prepares an INSERT, unless it is the one that was prepared last.
func prepareBulk(ctx context.Context, s *session.Session, table string, statement []byte) error {
	last := preparedBulk(s)
	if last != nil && bytes.HasPrefix(statement, last.head) {
		return nil
	}
	insert := newBulkInsert(statement, table)
	if insert == nil {
		return ErrNotBulk
	}
	err := s.Directly(ctx, func(conn *protocol.Conn) (err error) {
		if last != nil {
			s.Prepared = nil
			if err := conn.Forget(last.id); err != nil {
				return err
			}
		}
		insert.id, err = conn.Prepare(insert.statement())
		return err
	})
	if mysql.Errno(err) != 0 {
		return ErrNotBulk // running the text shows what is wrong
	}
	if err == nil {
		s.Prepared = insert
	}
	return err
}

// settle looks at the columns of a table, and says whether a value can be sent in bulk after all.
func settle(ctx context.Context, s *session.Session, table string, open *doubt) (settled bool, err error) {
	rows, err := s.Table(ctx, "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_SET_NAME, IS_NULLABLE FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", table)
	for _, row := range rows {
		i := slices.IndexFunc(preparedBulk(s).columns, func(c bulkColumn) bool { return c.name == row["column_name"] })
		if i < 0 {
			continue
		}
		column := &preparedBulk(s).columns[i]
		column.nullable = row["is_nullable"] == "YES"
		switch {
		case column != open.column:
		case open.form == literal.LiteralNull:
			settled = column.nullable
		default:
			column.charset = row["character_set_name"]
			widest := widestKind(row["data_type"], column.charset, open.form)
			if settled = !column.widened && widest != bulkNothing && widest != column.kind; settled {
				column.kind, column.widened = widest, true
			}
		}
	}
	return settled, err
}
