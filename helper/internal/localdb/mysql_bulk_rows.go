package localdb

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysqlwire"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// bulkBytes is how much text an INSERT has at least that is sent in bulk. To prepare a statement for less takes as
// long as to have it read.
const bulkBytes = 16 << 10

// takesBulk says whether texts mean to the crew's sessions what they mean as values: the dump's head has made
// settings for all of them.
func (l *mysqlLoad) takesBulk(ctx context.Context) (bool, error) {
	s := l.crew.sessions[0]
	if s.wire == nil || !s.wire.bulk {
		return false, nil
	}
	rows, err := s.table(ctx, "SELECT @@sql_mode AS mode, @@character_set_client AS client, @@character_set_connection AS connection")
	if err != nil {
		return false, err
	}
	return len(rows) == 1 && rows[0]["client"] == "utf8mb4" && rows[0]["connection"] == "utf8mb4" &&
		!strings.Contains(rows[0]["mode"], "NO_BACKSLASH_ESCAPES"), nil
}

// insertBulk runs an INSERT by sending its rows as values, and says how many rows the table has more. It gives
// errNotBulk, and has done nothing, where the server does not take them so, or where it might make something else of
// them than of the text.
func (r *rowLoad) insertBulk(ctx context.Context, s *mysqlSession, piece sqltext.Piece, statement []byte) (int64, error) {
	if !r.bulk || s.wire == nil || !s.wire.bulk || len(statement) < r.bulkAbove {
		return 0, errNotBulk
	}
	done, err := s.insertBulk(ctx, piece.Table, statement, int(min(r.packet, mysqlwire.LongestPacket-1)))
	if errors.Is(err, errNotBulk) {
		return 0, err
	}
	if err == nil && done.warnings > 0 {
		err = r.warnings.hear(ctx, s, piece.Table, statement)
	}
	return done.rows, r.failedAt(ctx, piece, 0, err)
}

// insertBulk is that for a session, with packets of limit bytes at most.
func (s *mysqlSession) insertBulk(ctx context.Context, table string, statement []byte, limit int) (done outcome, err error) {
	if err := s.prepareBulk(ctx, table, statement); err != nil {
		return done, err
	}
	for {
		s.packet, err = preparedBulk(s).packet(s.packet, statement, limit)
		var open *doubt
		if !errors.As(err, &open) {
			break
		}
		if settled, err := s.settle(ctx, table, open); err != nil {
			return done, err
		} else if !settled {
			return done, errNotBulk
		}
	}
	if err != nil {
		return done, err
	}
	done, err = s.execute(ctx)
	switch number(err) {
	case mysqlUnsupportedPrepare, mysqlUnknownCommand:
		s.wire.bulk = false // whatever it has announced
		return done, errNotBulk
	}
	return done, err
}

// preparedBulk is the INSERT that the session has prepared last; nil for none.
func preparedBulk(s *mysqlSession) *bulkInsert {
	insert, _ := s.prepared.(*bulkInsert)
	return insert
}

// prepareBulk has the server prepare an INSERT, unless it was the last one, too.
func (s *mysqlSession) prepareBulk(ctx context.Context, table string, statement []byte) error {
	last := preparedBulk(s)
	if last != nil && bytes.HasPrefix(statement, last.head) {
		return nil
	}
	insert := newBulkInsert(statement, table)
	if insert == nil {
		return errNotBulk
	}
	err := s.directly(ctx, func(conn *mysqlConn) (err error) {
		if last != nil {
			s.prepared = nil
			if err := conn.forget(last.id); err != nil {
				return err
			}
		}
		insert.id, err = conn.prepare(insert.statement())
		return err
	})
	if number(err) != 0 {
		return errNotBulk // the text says what is wrong
	}
	if err == nil {
		s.prepared = insert
	}
	return err
}

// settle looks at the columns of a table, and says whether a value can go in bulk nevertheless.
func (s *mysqlSession) settle(ctx context.Context, table string, open *doubt) (settled bool, err error) {
	rows, err := s.table(ctx, "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_SET_NAME, IS_NULLABLE FROM information_schema.COLUMNS"+
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
		case open.form == literalNull:
			settled = column.nullable
		default:
			widest := widestKind(row["data_type"], row["character_set_name"])
			if settled = widest != bulkNothing && widest != column.kind; settled {
				column.kind = widest
			}
		}
	}
	return settled, err
}
