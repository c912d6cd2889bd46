package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// watch has connections watched for silence.
func watch(config *pgx.ConnConfig, options Options) {
	aside := config.Copy()
	aside.Database = cmp.Or(options.Aside, config.Database)
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return options.Silence.Watch(ctx, conn), nil
	}
	config.AfterConnect = func(_ context.Context, conn *pgconn.PgConn) error {
		if watched := watched(conn); watched != nil {
			watched.Leads(&session{aside: aside, pid: conn.PID()})
		}
		return nil
	}
}

// watched returns the watched connection below a connection; nil if nobody watches it.
func watched(conn *pgconn.PgConn) *silence.Conn {
	below := conn.Conn()
	if encrypted, is := below.(*tls.Conn); is {
		below = encrypted.NetConn()
	}
	watched, _ := below.(*silence.Conn)
	return watched
}

// CopyFrom runs COPY FROM STDIN. While rows are still to come from r, the server waits for us.
func CopyFrom(ctx context.Context, conn *pgconn.PgConn, r io.Reader, statement string) (pgconn.CommandTag, error) {
	if watched := watched(conn); watched != nil {
		r = watched.Feed(r)
	}
	return conn.CopyFrom(ctx, r, statement)
}

// session is one of our sessions, seen through another one.
type session struct {
	aside *pgx.ConnConfig
	pid   uint32
}

// Look asks for the session in the list of activities, where each role sees its own. A session that is missing there may have another number
// behind a pooler, so only the answer counts then.
func (s *session) Look(ctx context.Context) (silence.State, error) {
	state := silence.Unseen
	err := s.beside(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.PgConn().Exec(ctx, fmt.Sprintf("SELECT coalesce(state, ''), coalesce(row_to_json(a)->>'wait_event', '')"+
			" FROM pg_catalog.pg_stat_activity a WHERE pid = %d AND usename = session_user", s.pid)).ReadAll()
		if err != nil || len(rows) == 0 || len(rows[0].Rows) == 0 {
			return err
		}
		does, waitsFor := string(rows[0].Rows[0][0]), string(rows[0].Rows[0][1])
		if state = silence.Working; strings.HasPrefix(does, "idle") || waitsFor == "ClientRead" || waitsFor == "ClientWrite" {
			state = silence.Waiting
		}
		return nil
	})
	if SQLState(err) != "" {
		return silence.Unseen, Plain(err)
	}
	if err != nil {
		return silence.Working, err
	}
	return state, nil
}

// End ends the session, if it is of our role and of this program: behind a pooler its number may be somebody else's.
func (s *session) End(ctx context.Context) error {
	return s.beside(ctx, func(conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, fmt.Sprintf("SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"+
			" WHERE pid = %d AND usename = session_user AND application_name = 'dump-helper'", s.pid)).ReadAll()
		return err
	})
}

// beside gives do a connection of its own, which nobody watches.
func (s *session) beside(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.ConnectConfig(ctx, s.aside.Copy())
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}
