package localdb

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysqlwire"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// add has a session run an INSERT, hears what the server has to say of its rows, and says how many the table has more.
func (l *mysqlLoad) add(ctx context.Context, s *mysqlSession, piece sqltext.Piece, insert []byte) (rows int64, err error) {
	done := outcome{warnings: 1} // of which the driver does not tell
	if s.wire != nil && s.wire.plain && piece.Rows >= 0 && len(insert) < mysqlwire.LongestPacket-1 {
		s.packet = append(append(s.packet[:0], 0, 0, 0, 0, mysqlwire.CommandQuery), insert...)
		done, err = s.execute(ctx)
	} else {
		done.rows, err = s.retry(ctx, string(insert))
	}
	if err == nil && done.warnings > 0 {
		err = l.warnings.hear(ctx, s, piece.Table, insert)
	}
	return done.rows, err
}

// execute sends the packet that the session has, as often as is needed: see retry.
func (s *mysqlSession) execute(ctx context.Context) (outcome, error) {
	return retry(func() (done outcome, err error) {
		err = s.directly(ctx, func(conn *mysqlConn) error {
			done, err = conn.execute(s.packet)
			return err
		})
		return done, err
	})
}
