package load

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// add runs an INSERT in a session, collects the warnings about its rows, and returns how many rows the table has
// gained.
func (l *Load) add(ctx context.Context, s *session.Session, piece sqltext.Piece, insert []byte) (rows int64, err error) {
	done := protocol.Outcome{Warnings: 1} // the driver does not report warnings
	if s.Wire != nil && s.Wire.Plain && piece.Rows >= 0 && len(insert) < protocol.LongestPacket-1 {
		s.Packet = append(append(s.Packet[:0], 0, 0, 0, 0, protocol.CommandQuery), insert...)
		done, err = execute(ctx, s)
	} else {
		done.Rows, err = s.Retry(ctx, string(insert))
	}
	err = l.whyNotCommitted(ctx, s, insert, err)
	if err == nil && done.Warnings > 0 {
		err = l.warnings.hear(ctx, s, piece.Table, insert)
	}
	return done.Rows, err
}

// execHeard has the first session run a statement after everything before it is done, and reports whether the server may have warned.
func (l *Load) execHeard(ctx context.Context, statement string) (mayWarn bool, err error) {
	if err := l.Pool.Wait(); err != nil {
		return false, err
	}
	s := l.Pool.Sessions[0]
	if s.Wire == nil || !s.Wire.Plain || len(statement) >= protocol.LongestPacket-1 {
		return true, s.Exec(ctx, statement)
	}
	s.Packet = append(append(s.Packet[:0], 0, 0, 0, 0, protocol.CommandQuery), statement...)
	var done protocol.Outcome
	err = s.Directly(ctx, func(conn *protocol.Conn) (err error) {
		done, err = conn.Execute(s.Packet)
		return err
	})
	return done.Warnings > 0, err
}

// execute sends the session's packet, and repeats it as often as needed: see Retry.
func execute(ctx context.Context, s *session.Session) (protocol.Outcome, error) {
	return session.Retry(func() (done protocol.Outcome, err error) {
		err = s.Directly(ctx, func(conn *protocol.Conn) error {
			done, err = conn.Execute(s.Packet)
			return err
		})
		return done, err
	})
}
