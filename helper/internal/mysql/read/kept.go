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

// ALTER TABLE … EXCHANGE PARTITION gives rows from one table to another, and DROP PARTITION takes them away, such that
// a snapshot that is older sees them where they are now. Nothing that everybody may ask the server for tells of it
// afterwards. So partitioned tables stay locked against that until all rows have been read, by a connection that does nothing
// else, and the dump gives way as soon as somebody waits for one of them.
type keptTables struct {
	tables []string
	conn   *sql.Conn
	// watcher has a connection of its own: the one aside may wait for somebody who waits for us.
	watcher *snapshot

	stop   func()
	ended  chan struct{} // nobody looks any more
	failed error         // why the locks were given back too early; to be read when ended is closed
}

// findKept finds the tables that must be kept, and opens the connections for it, where the server has them to spare.
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

// watch begins to look who waits for one of the tables, and then gives all of them back.
func (k *keptTables) watch(ctx context.Context) {
	ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(k.ended)
		if k.failed = k.watcher.watch(ctx); k.failed != nil {
			k.end()
		}
	}()
}

// take locks the tables, which must be done when the snapshot begins.
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

// GiveBack gives the locks back.
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

// end ends the connection, and with it the locks.
func (k *keptTables) end() {
	_ = k.conn.Raw(func(any) error { return sqldriver.ErrBadConn })
}

// broken waits until the tables had to be given back too early, and says why, or until ctx ends.
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

// release gives the locks back when all rows have been read, and says whether they have held until then.
func (k *keptTables) release(ctx context.Context) error {
	if k == nil {
		return nil
	}
	k.stop()
	<-k.ended
	err := k.failed
	if err == nil {
		err = k.giveBack(ctx) // of a connection that was lost they are gone
	}
	k.end()
	return err
}

// close ends what there is.
func (k *keptTables) close() {
	if k != nil {
		k.stop()
		<-k.ended
		k.end()
	}
}
