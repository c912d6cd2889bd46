package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// session is one of our sessions, seen through another connection to its server.
type session struct {
	server *Connector
	id     int64
}

// stalled are the states of a thread that waits for its client.
var stalled = []string{"writing to net", "sending to client", "reading from net", "receiving from client"}

// WaitsForClient reports whether a thread with that command and state, as the list of processes has them, waits for its client.
func WaitsForClient(command, state string) bool {
	return command == "Sleep" || slices.Contains(stalled, strings.ToLower(state))
}

// Look asks for the session in the list of processes, where each account sees its own.
func (s *session) Look(ctx context.Context) (silence.State, error) {
	state := silence.Working
	err := s.aside(ctx, func(conn *sql.Conn) error {
		thread, err := s.thread(ctx, conn)
		switch {
		case err != nil:
		case thread == nil:
			state = silence.Gone
		case WaitsForClient(thread["command"], thread["state"]):
			state = silence.Waiting
		}
		return err
	})
	if Errno(err) != 0 {
		return silence.Unseen, err
	}
	return state, err
}

// End kills the session, if it is ours without doubt: behind a proxy its number may be somebody else's.
func (s *session) End(ctx context.Context) error {
	return s.aside(ctx, func(conn *sql.Conn) error {
		thread, err := s.thread(ctx, conn)
		if err != nil || thread == nil || thread["ours"] != "1" {
			return err
		}
		_, err = conn.ExecContext(ctx, fmt.Sprintf("KILL CONNECTION %d", s.id))
		return err
	})
}

// thread returns the session's row in the list of processes; nil if it has none. Only the port of its client differs from that of the
// connection that asks.
func (s *session) thread(ctx context.Context, conn *sql.Conn) (map[string]string, error) {
	rows, err := Rows(ctx, conn, fmt.Sprintf("SELECT p.COMMAND AS command, COALESCE(p.STATE, '') AS state,"+
		" p.USER = me.USER AND SUBSTRING_INDEX(p.HOST, ':', 1) = SUBSTRING_INDEX(me.HOST, ':', 1) AS ours"+
		" FROM information_schema.PROCESSLIST p JOIN information_schema.PROCESSLIST me ON me.ID = CONNECTION_ID() WHERE p.ID = %d LIMIT 1", s.id))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// aside gives do a connection of its own, which nobody watches.
func (s *session) aside(ctx context.Context, do func(*sql.Conn) error) error {
	pool := sql.OpenDB(&unwatched{s.server})
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close())
}
