package localdb

import (
	"bytes"
	"context"
	"errors"
	"strings"

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
	rows, err := s.insertBulk(ctx, piece.Table, statement, int(min(r.packet, longestPacket-1)))
	if errors.Is(err, errNotBulk) {
		return 0, err
	}
	return rows, r.failedAt(ctx, piece, 0, err)
}

// insertBulk is that for a session, with packets of limit bytes at most.
func (s *mysqlSession) insertBulk(ctx context.Context, table string, statement []byte, limit int) (rows int64, err error) {
	if err := s.prepareBulk(ctx, table, statement); err != nil {
		return 0, err
	}
	for {
		s.packet, err = s.bulk.packet(s.packet, statement, limit)
		var mixed *mixedKinds
		if !errors.As(err, &mixed) {
			break
		}
		widest, err := s.widestKind(ctx, table, mixed.column.name)
		if err != nil {
			return 0, err
		}
		if widest == bulkNothing || widest == mixed.column.kind {
			return 0, errNotBulk
		}
		mixed.column.kind = widest
	}
	if err != nil {
		return 0, err
	}
	rows, err = retry(func() (rows int64, err error) {
		err = s.directly(ctx, func(conn *mysqlConn) error {
			rows, err = conn.execute(s.packet)
			return err
		})
		return rows, err
	})
	switch number(err) {
	case mysqlUnsupportedPrepare, mysqlUnknownCommand:
		s.wire.bulk = false // whatever it has announced
		return 0, errNotBulk
	}
	return rows, err
}

// prepareBulk has the server prepare an INSERT, unless it was the last one, too.
func (s *mysqlSession) prepareBulk(ctx context.Context, table string, statement []byte) error {
	if s.bulk != nil && bytes.HasPrefix(statement, s.bulk.head) {
		return nil
	}
	insert := newBulkInsert(statement, table)
	if insert == nil {
		return errNotBulk
	}
	err := s.directly(ctx, func(conn *mysqlConn) (err error) {
		if s.bulk != nil {
			id := s.bulk.id
			s.bulk = nil
			if err := conn.forget(id); err != nil {
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
		s.bulk = insert
	}
	return err
}

// widestKind gives the kind that does for all literals of a column.
func (s *mysqlSession) widestKind(ctx context.Context, table, column string) (bulkKind, error) {
	rows, err := s.table(ctx, "SELECT DATA_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?", table, column)
	if err != nil || len(rows) != 1 {
		return bulkNothing, err
	}
	return widestKind(rows[0]["data_type"], rows[0]["character_set_name"]), nil
}
