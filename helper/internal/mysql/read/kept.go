package read

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// ALTER TABLE … EXCHANGE PARTITION moves rows from one table to another, and DROP PARTITION removes them, even for an
// older snapshot. Nothing that every account may ask the server reveals it afterwards. So a connection that does
// nothing else keeps partitioned tables locked until all rows have been read, and the dump ends as soon as another
// session waits for one of them.
type keptTables struct {
	tables []string
	conn   *sql.Conn
	// watcher has a connection of its own: the one aside may be waiting for a session that waits for us.
	watcher *snapshot

	stop   func()
	ended  chan struct{} // closed when the watcher has ended
	failed error         // why the locks were released too early; valid once ended is closed
}

// findKept finds the tables that must be kept, and opens the connections for that if the server has them to spare.
func (s *snapshot) findKept(ctx context.Context, read []string) error {
	if s.aside == nil {
		return nil
	}
	rows, err := s.aside.QueryContext(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = DATABASE() AND ENGINE = 'InnoDB' AND CREATE_OPTIONS LIKE '%partitioned%' ORDER BY TABLE_NAME")
	if err != nil {
		return err
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if slices.Contains(read, name) {
			tables = append(tables, name)
		}
	}
	if err := rows.Err(); err != nil || len(tables) == 0 {
		return err
	}
	var conns [2]*sql.Conn
	for i := range conns {
		if conns[i], err = s.add(ctx); errors.Is(s.server.classify(err), source.ErrTooManyConnections) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.kept = &keptTables{tables: tables, conn: conns[0], watcher: &snapshot{server: s.server, aside: conns[1]}, ended: make(chan struct{})}
	s.kept.watch(ctx)
	return nil
}

// watch starts watching for sessions that wait for one of the tables. As soon as there is one, it releases all of them.
func (k *keptTables) watch(ctx context.Context) {
	ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(k.ended)
		if k.failed = k.watcher.watch(ctx); k.failed != nil {
			k.end()
		}
	}()
}

// take locks the tables. It must be called when the snapshot begins.
func (k *keptTables) take(ctx context.Context) error {
	if k == nil {
		return nil
	}
	if _, err := k.conn.ExecContext(ctx, "START TRANSACTION READ ONLY"); err != nil {
		return err
	}
	for i, table := range k.tables {
		k.watcher.held.add(i, table)
		if _, err := k.conn.ExecContext(ctx, "SELECT 1 FROM "+mysql.QuoteName(table)+" LIMIT 0"); err != nil {
			return err
		}
	}
	return nil
}

// giveBack gives the locks back.
func (k *keptTables) giveBack(ctx context.Context) error {
	if k == nil {
		return nil
	}
	for i := range k.tables {
		k.watcher.held.remove(i)
	}
	_, err := k.conn.ExecContext(ctx, "ROLLBACK")
	return err
}

// end closes the connection, which releases the locks.
func (k *keptTables) end() {
	_ = k.conn.Raw(func(any) error { return sqldriver.ErrBadConn })
}

// broken waits until the tables had to be released too early, and returns the reason, or until ctx ends.
func (k *keptTables) broken(ctx context.Context) error {
	if k == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-k.ended:
		return k.failed
	}
}

// release gives the locks back when all rows have been read. It fails if they were lost before that.
func (k *keptTables) release(ctx context.Context) error {
	if k == nil {
		return nil
	}
	k.stop()
	<-k.ended
	err := k.failed
	if err == nil {
		err = k.giveBack(ctx) // a lost connection has no locks
	}
	k.end()
	return err
}

// close stops the watcher and closes the connection.
func (k *keptTables) close() {
	if k != nil {
		k.stop()
		<-k.ended
		k.end()
	}
}
