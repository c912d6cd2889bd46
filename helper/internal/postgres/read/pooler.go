package read

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// A pooler between here and the server lends sessions to its clients: for as long as they are connected, or only for a
// transaction or a statement. In the latter case a setting that pg_dump makes for its session stays in one that the site
// gets next. So a pooler is recognised before anything is set.

// pooler is what stands between here and the server.
type pooler struct {
	name   string
	server string // the address of the server behind it
}

const unknownPooler = "a connection pooler"

// checkPooler fails with *source.PoolerError if conn, which is new, leads to a pooler that lends a session for less than a
// connection. A pooler that lends it for longer is remembered.
func (p *Server) checkPooler(ctx context.Context, conn *pgx.Conn) error {
	pid, err := backend(ctx, conn.PgConn())
	if postgres.SQLState(err) == postgres.FeatureNotSupported { // a standby has no serializable transactions
		pid, err = backendOf(ctx, conn.PgConn(), "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY; "+backendQuery+"; COMMIT")
	}
	if err != nil {
		return err
	}
	// The server tells its process's number at the beginning, for requests to cancel. A pooler makes numbers up.
	if pid == conn.PgConn().PID() {
		return nil
	}
	server, err := p.behindPooler(ctx, conn)
	if err != nil {
		return err
	}
	lent, err := p.lentFor(ctx, conn, pid)
	if err != nil {
		return err
	}
	name := p.poolerName(ctx)
	if lent != "" {
		return &source.PoolerError{Pooler: name, LentFor: lent, Server: server}
	}
	p.pooler = &pooler{name: name, server: server}
	return nil
}

const backendQuery = "SELECT pg_catalog.pg_backend_pid()"

// backend returns the number of the server's process that serves a connection.
func backend(ctx context.Context, conn *pgconn.PgConn) (uint32, error) {
	return backendOf(ctx, conn, backendQuery)
}

func backendOf(ctx context.Context, conn *pgconn.PgConn, statements string) (uint32, error) {
	rows, err := readAll(conn.Exec(ctx, statements))
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, errors.New("the server does not tell its process")
	}
	pid, err := strconv.ParseUint(rows[0][0], 10, 32)
	return uint32(pid), err
}

// lentFor says for how long the pooler lends a session, in its own words; "" if for as long as a client is connected. The
// process pid served the first statement of conn, which is in no transaction. A second connection begins and ends transactions.
// If it is served by the same process, or conn is served by another one in between, then the session of conn was not its own.
// A site that uses the pooler, too, may come in between, so that takes several tries.
func (p *Server) lentFor(ctx context.Context, conn *pgx.Conn, pid uint32) (string, error) {
	config, err := p.connection()
	if err != nil {
		return "", err
	}
	hurried, cancel := context.WithTimeout(ctx, poolerPatience)
	defer cancel()
	other, err := p.limits.Connect(hurried, config, func(*pgx.Conn) error { return nil })
	if err != nil {
		return "", p.noSession(ctx, err)
	}
	defer func() {
		goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyePatience)
		defer cancel()
		_ = other.Close(goodbye)
	}()
	for range lentTries {
		if _, err := other.Exec(hurried, "BEGIN READ ONLY"); err != nil {
			if hurried.Err() == nil && postgres.SQLState(err) != "" {
				return lentForStatement, nil
			}
			return "", p.noSession(ctx, err)
		}
		second, err := backend(hurried, other.PgConn())
		if err != nil {
			return "", p.noSession(ctx, err)
		}
		during, err := backend(hurried, conn.PgConn())
		if err != nil {
			return "", p.noSession(ctx, err)
		}
		// Most poolers lend the session that they got back last.
		if _, err := other.Exec(hurried, "ROLLBACK"); err != nil {
			return "", p.noSession(ctx, err)
		}
		after, err := backend(hurried, conn.PgConn())
		if err != nil {
			return "", p.noSession(ctx, err)
		}
		if second == pid || during != pid || after != pid {
			return lentForTransaction, nil
		}
	}
	return "", nil
}

const (
	lentForTransaction = "transaction"
	lentForStatement   = "statement"
	lentTries          = 10
	poolerPatience     = 10 * time.Second // for all of this; a pooler may have no session at the moment
)

// noSession is the error if the pooler has no second session. The context's own end comes first.
func (p *Server) noSession(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return source.Failure("ask "+unknownPooler+" for a second session", fault.TooManyConnections, postgres.Plain(err))
}

// behindPooler returns the address of the server behind a pooler. An address that only means something on the pooler's machine
// becomes that of this machine.
func (p *Server) behindPooler(ctx context.Context, conn *pgx.Conn) (string, error) {
	rows, err := readAll(conn.PgConn().Exec(ctx, "SELECT coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), ''), pg_catalog.current_setting('port')"))
	if err != nil || len(rows) != 1 {
		return "", err
	}
	host, port := rows[0][0], rows[0][1]
	if address := net.ParseIP(host); address == nil || address.IsLoopback() {
		host = p.url.Host
		if p.url.IsSocket() {
			host = "localhost"
		}
	}
	return net.JoinHostPort(host, port), nil
}

// poolerName asks a pooler who it is. PgBouncer tells accounts that may see its statistics, in a database of its own.
func (p *Server) poolerName(ctx context.Context) string {
	config, err := p.connection()
	if err != nil {
		return unknownPooler
	}
	ctx, cancel := context.WithTimeout(ctx, poolerPatience)
	defer cancel()
	config.Database = "pgbouncer"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return unknownPooler
	}
	defer func() { _ = conn.Close(ctx) }()
	if rows, err := readAll(conn.PgConn().Exec(ctx, "SHOW VERSION")); err == nil && len(rows) == 1 && len(rows[0]) == 1 {
		return rows[0][0]
	}
	return unknownPooler
}
