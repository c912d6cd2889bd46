package read

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// snapshot is a set of connections that all see the rows of one moment.
type snapshot struct {
	server  *Server
	readers []*snapshotReader
	// aside is one more connection, which sees the present state; nil if the server has none to spare.
	aside   *sql.Conn
	using   sync.Mutex // guards aside
	pools   []*sql.DB
	held    heldTables
	kept    *keptTables // nil if no table must be kept
	time    time.Time   // of the snapshot, UTC
	settled bool        // it began while no transaction was about to commit
	how     string

	// This is what there was just before the snapshot.
	definitions *definitions
	made        map[string]string // when tables were made or altered
}

// openSnapshot opens as many connections as are wanted and as the server can spare, plus one. They all begin at the
// same moment, while nobody writes. If writing cannot be stopped for a moment, the snapshot has one connection.
func (m *Server) openSnapshot(ctx context.Context, tables []string) (_ *snapshot, err error) {
	s := &snapshot{server: m}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	conns, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	if last := len(conns) - 1; last > 0 {
		s.aside, conns = conns[last], conns[:last]
	}
	for i, conn := range conns {
		s.readers = append(s.readers, &snapshotReader{Conn: conn, held: &s.held, number: i})
	}
	// Definitions are not part of a snapshot. If they are the same before and after it, they are those of its moment.
	now := s.now()
	if s.made, err = readMade(ctx, now, ""); err != nil {
		return nil, err
	}
	if s.definitions, err = m.readDefinitions(ctx, now, m.tables, s.readers); err != nil {
		return nil, err
	}
	if err = s.findKept(ctx, tables); err != nil {
		return nil, err
	}
	if len(s.readers) == 1 {
		s.how = "one snapshot, read over one connection"
		return s, s.beginAlone(ctx)
	}
	refused := s.beginTogether(ctx, tables)
	var server *driver.MySQLError
	if refused == nil {
		s.settled = true
		return s, s.savepoints(ctx)
	}
	if !errors.As(refused, &server) && !errors.Is(refused, errOthersWrite) {
		return nil, refused
	}
	s.keepOne()
	s.how = "one snapshot, read over one connection, since no lock could be had: " + refused.Error()
	if denied(refused) {
		s.how = "one snapshot, read over one connection; several need the privilege LOCK TABLES (" + grant("LOCK TABLES", m.url, m.account) + ")"
	}
	return s, s.beginAlone(ctx)
}

// beginAlone begins the snapshot of a single reader.
func (s *snapshot) beginAlone(ctx context.Context) error {
	if err := s.kept.take(ctx); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.savepoints(ctx)
}

// connect opens the connections. It fails only if it cannot open the first one.
func (s *snapshot) connect(ctx context.Context) ([]*sql.Conn, error) {
	m := s.server
	pool, first, err := m.connectFirst(ctx)
	if err != nil {
		return nil, err
	}
	s.pools = append(s.pools, pool)
	conns := []*sql.Conn{first}
	wanted := connectionsFor(m.config.Threads, readLimits(ctx, first, m.url.User))
	for len(conns) < wanted+1 {
		conn, err := s.add(ctx)
		if errors.Is(m.classify(err), source.ErrTooManyConnections) {
			break
		}
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
	}
	return conns, nil
}

// now returns a connection that sees the present state. Before the snapshot begins, each one does.
func (s *snapshot) now() *sql.Conn {
	if s.aside != nil {
		return s.aside
	}
	return s.readers[0].Conn
}

// add opens one more connection.
func (s *snapshot) add(ctx context.Context) (*sql.Conn, error) {
	pool, conn, err := s.server.connect(ctx)
	if err != nil {
		return nil, err
	}
	s.pools = append(s.pools, pool)
	return conn, nil
}

// begin begins a transaction on each connection.
func (s *snapshot) begin(ctx context.Context) error {
	var text string
	if err := s.readers[0].QueryRowContext(ctx, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").Scan(&text); err != nil {
		return err
	}
	var err error
	if s.time, err = time.Parse("2006-01-02 15:04:05.999999", text); err != nil {
		return err
	}
	statement := "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
	if s.aside == nil {
		statement = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE" // this connection shows the views, too
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, reader := range s.readers {
		group.Go(func() error {
			_, err := reader.ExecContext(ctx, statement)
			return err
		})
	}
	return group.Wait()
}

// keepOne closes all readers except the first.
func (s *snapshot) keepOne() {
	for _, reader := range s.readers[1:] {
		_ = reader.Close()
	}
	s.readers = s.readers[:1]
}

// Close closes the connections.
func (s *snapshot) Close() error {
	s.kept.close()
	for _, reader := range s.readers {
		_ = reader.Close()
	}
	if s.aside != nil {
		_ = s.aside.Close()
	}
	for _, pool := range s.pools {
		_ = pool.Close()
	}
	s.readers, s.aside, s.kept, s.pools = nil, nil, nil, nil
	return nil
}

// readLimits asks how many connections the server can spare. What the server does not say is no limit.
func readLimits(ctx context.Context, conn *sql.Conn, user string) serverLimits {
	var limits serverLimits
	var name string
	_ = conn.QueryRowContext(ctx, "SELECT @@max_connections, @@max_user_connections").Scan(&limits.maxConnections, &limits.maxUser)
	_ = conn.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Threads_connected'").Scan(&name, &limits.connected)
	_ = conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = ?", user).Scan(&limits.own)
	return limits
}

// readMade returns when the tables of the database, or the table with that name, were made, altered or renamed, as far
// as the server knows. Only a difference matters, not the time. It reveals what a snapshot hides: that a table has
// taken another one's name, with rows that already existed at the snapshot's moment. The server reports no error for
// that.
func readMade(ctx context.Context, conn *sql.Conn, table string) (map[string]string, error) {
	query := "SELECT TABLE_NAME, COALESCE(ENGINE, ''), COALESCE(CAST(CREATE_TIME AS CHAR), '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
	if table != "" {
		text, _ := literal.AppendQuoted(nil, []byte(table))
		query += " AND TABLE_NAME = " + string(text)
	}
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	made := map[string]string{}
	for rows.Next() {
		var name, storage, at string
		if err := rows.Scan(&name, &storage, &at); err != nil {
			return nil, err
		}
		if transactional[strings.ToLower(storage)] { // others are not in the snapshot, and some change the time by themselves
			made[name] = at
		}
	}
	return made, rows.Err()
}
