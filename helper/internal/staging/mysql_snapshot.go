package staging

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// mysqlSnapshot is connections that all see the rows of one moment.
type mysqlSnapshot struct {
	conns []*sql.Conn
	pools []*sql.DB
	time  time.Time // of that moment, UTC
	how   string
}

// snapshotPatience is how long staging's own sessions may be made to wait while the connections begin: whoever wants
// to write waits behind a lock that waits.
const snapshotPatience = 3 * time.Second

// shortly has a session wait for locks no longer than that.
var shortly = map[string]string{"lock_wait_timeout": strconv.Itoa(int(snapshotPatience / time.Second))}

// openSnapshot opens as many connections as are wanted and the server can spare, and has them begin at the same
// moment: nothing is written while they do. Where the account may not keep others from writing, it is one connection.
func (m *mysqlServer) openSnapshot(ctx context.Context, tables []string) (_ *mysqlSnapshot, err error) {
	s := &mysqlSnapshot{}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := s.add(ctx, m); err != nil {
		return nil, err
	}
	wanted := connectionsFor(m.config.Threads, readLimits(ctx, s.conns[0], m.url.User))
	for len(s.conns) < wanted {
		if err := s.add(ctx, m); err != nil {
			if errors.Is(m.explain(err), ErrTooManyConnections) {
				break
			}
			return nil, err
		}
	}
	if len(s.conns) == 1 {
		s.how = "one snapshot, read over one connection"
		return s, s.begin(ctx)
	}
	locks := []struct{ statement, name string }{
		{"FLUSH TABLES WITH READ LOCK", "FLUSH TABLES WITH READ LOCK"},
		{lockTables(tables), "LOCK TABLES"},
	}
	var refused error
	for _, lock := range locks {
		if lock.statement == "" {
			continue
		}
		refused = m.underLock(ctx, lock.statement, func() error { return s.begin(ctx) })
		var server *driver.MySQLError
		if refused == nil {
			s.how = fmt.Sprintf("one snapshot, read over %d connections (%s for a moment)", len(s.conns), lock.name)
			return s, nil
		}
		if !errors.As(refused, &server) {
			return nil, refused
		}
	}
	s.keepOne()
	s.how = "one snapshot, read over one connection, since no lock could be had: " + refused.Error()
	if denied(refused) {
		s.how = "one snapshot, read over one connection; several need the privilege LOCK TABLES (" + grant("LOCK TABLES", m.url, m.account) + ")"
	}
	return s, s.begin(ctx)
}

// lockTables is the statement that keeps others from writing to the tables.
func lockTables(tables []string) string {
	var list []string
	for _, table := range tables {
		list = append(list, quoteMySQL(table)+" READ")
	}
	if len(list) == 0 {
		return ""
	}
	return "LOCK TABLES " + strings.Join(list, ", ")
}

// underLock does something while a connection of its own holds a lock.
func (m *mysqlServer) underLock(ctx context.Context, statement string, do func() error) error {
	pool, conn, err := m.connect(ctx, shortly)
	if err != nil {
		return err
	}
	// The end of the connection is the end of the lock, whatever happens.
	defer pool.Close()
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, statement); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "UNLOCK TABLES")
	return err
}

// add opens one more connection.
func (s *mysqlSnapshot) add(ctx context.Context, m *mysqlServer) error {
	pool, conn, err := m.connect(ctx, nil)
	if err != nil {
		return err
	}
	s.pools, s.conns = append(s.pools, pool), append(s.conns, conn)
	return nil
}

// begin has all connections see the rows of now.
func (s *mysqlSnapshot) begin(ctx context.Context) error {
	var text string
	if err := s.conns[0].QueryRowContext(ctx, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").Scan(&text); err != nil {
		return err
	}
	var err error
	if s.time, err = time.Parse("2006-01-02 15:04:05.999999", text); err != nil {
		return err
	}
	for _, conn := range s.conns {
		if _, err := conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
			return err
		}
	}
	return nil
}

// keepOne closes all connections but the first.
func (s *mysqlSnapshot) keepOne() {
	for i := 1; i < len(s.conns); i++ {
		_ = s.conns[i].Close()
		_ = s.pools[i].Close()
	}
	s.conns, s.pools = s.conns[:1], s.pools[:1]
}

// Close ends the connections.
func (s *mysqlSnapshot) Close() error {
	for i, conn := range s.conns {
		_ = conn.Close()
		_ = s.pools[i].Close()
	}
	s.conns, s.pools = nil, nil
	return nil
}

// readLimits asks how many connections the server can spare. What it does not tell is no limit.
func readLimits(ctx context.Context, conn *sql.Conn, user string) serverLimits {
	var limits serverLimits
	var name string
	_ = conn.QueryRowContext(ctx, "SELECT @@max_connections, @@max_user_connections").Scan(&limits.maxConnections, &limits.maxUser)
	_ = conn.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Threads_connected'").Scan(&name, &limits.connected)
	_ = conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = ?", user).Scan(&limits.own)
	return limits
}
