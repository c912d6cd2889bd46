package read

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// longestHold is how long a reader keeps locks before it gives them back. A single statement may take longer.
const longestHold = 100 * time.Millisecond

// snapshotReader is one connection of a snapshot.
type snapshotReader struct {
	*sql.Conn
	held   *heldTables
	number int       // among the readers of the snapshot
	since  time.Time // when the reader first took the locks it has; zero if it has none
}

// touch must be called before a statement that reads a table.
func (r *snapshotReader) touch(table string) {
	if r.since.IsZero() {
		r.since = time.Now()
		r.held.add(r.number, table)
	}
}

// giveBack gives all locks back.
func (r *snapshotReader) giveBack(ctx context.Context) error {
	_, err := r.ExecContext(ctx, source.GiveBack)
	r.free()
	return err
}

// giveBackOld gives locks back that have been held for longestHold.
func (r *snapshotReader) giveBackOld(ctx context.Context) error {
	if r.since.IsZero() || time.Since(r.since) < longestHold {
		return nil
	}
	return r.giveBack(ctx)
}

// end closes the connection, which releases all locks.
func (r *snapshotReader) end() {
	_ = r.Raw(func(any) error { return sqldriver.ErrBadConn })
	r.free()
}

// free records that the reader has no locks.
func (r *snapshotReader) free() {
	r.since = time.Time{}
	r.held.remove(r.number)
}

// heldTables has the tables whose metadata locks are held, by the number of the reader that holds them.
type heldTables struct {
	mutex sync.Mutex
	held  map[int]heldTable
}

type heldTable struct {
	name  string
	since time.Time
}

func (h *heldTables) add(reader int, table string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.held == nil {
		h.held = map[int]heldTable{}
	}
	h.held[reader] = heldTable{table, time.Now()}
}

func (h *heldTables) remove(reader int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	delete(h.held, reader)
}

// old returns what has been held at least that long.
func (h *heldTables) old(age time.Duration) map[int]heldTable {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	old := map[int]heldTable{}
	for reader, table := range h.held {
		if time.Since(table.since) >= age {
			old[reader] = table
		}
	}
	return old
}

// still says whether a reader still holds a table.
func (h *heldTables) still(reader int, table heldTable) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.held[reader] == table
}

// watchInterval is how often the connection aside looks for sessions that wait for our locks. watchPatience is how long
// it tries to read a table, twice, before it counts the table as blocked. Together with the time that it takes to end
// the dump, this is less than a second.
const (
	watchInterval = 100 * time.Millisecond
	watchPatience = 150 * time.Millisecond
)

// watch looks, until ctx ends, for sessions that wait for a lock of a reader, and then returns ErrGaveWay. A reader
// holds a lock for long if it cannot read a table in pages, or reads over a slow line. Few accounts may see other
// sessions. But a session that waits for a table blocks everybody who comes later, us included. So the connection aside
// asks for no rows of the table, and measures whether the server answers in time.
func (s *snapshot) watch(ctx context.Context) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for reader, table := range s.held.old(longestHold) {
			if !s.blocked(ctx, table.name) {
				continue
			}
			// Was it our lock, and do we still hold it?
			if s.held.still(reader, table) && ctx.Err() == nil {
				return source.Failure("read table "+table.name, source.ErrGaveWay, errors.New(s.waiter(ctx, table.name)))
			}
		}
	}
}

// blocked says whether nobody can read a table at the moment. If that is unknown, the dump goes on. A busy server may
// be slow once, so it is asked twice.
func (s *snapshot) blocked(ctx context.Context, table string) bool {
	s.using.Lock()
	defer s.using.Unlock()
	s.limitStatements(ctx, watchPatience)
	defer s.limitStatements(ctx, 0)
	for range 2 {
		_, err := s.aside.ExecContext(ctx, "SELECT 1 FROM "+mysql.QuoteName(table)+" LIMIT 0")
		switch mysql.Errno(err) {
		case mysql.ErrnoLockWaitTimeout:
			return true
		case mysql.ErrnoInterrupted, mysql.ErrnoStatementTimeout, mysql.ErrnoExecutionTimeout:
		default:
			return false
		}
	}
	return true
}

// limitStatements limits the time of a SELECT on the connection aside, including the time that it waits for locks. On a
// server without such a limit, lock_wait_timeout remains.
func (s *snapshot) limitStatements(ctx context.Context, limit time.Duration) {
	setting := fmt.Sprintf("SET SESSION max_execution_time = %d", limit.Milliseconds())
	if s.server.release.IsMariaDB() {
		setting = fmt.Sprintf("SET SESSION max_statement_time = %f", limit.Seconds())
	}
	_, _ = s.aside.ExecContext(ctx, setting)
}

// waiter describes who waited for a table, as far as the account may see that. It prefers sessions that do more than
// read and write rows. If no session is seen waiting, somebody may have locked the table before we came. A session that
// uses another database and does not name the table waits for something else, as another dump does for its lock.
func (s *snapshot) waiter(ctx context.Context, table string) string {
	s.using.Lock()
	defer s.using.Unlock()
	const query = "SELECT USER, UPPER(SUBSTRING_INDEX(TRIM(COALESCE(INFO, '')), ' ', 2)) FROM information_schema.PROCESSLIST" +
		" WHERE STATE LIKE 'Waiting for %' AND COMMAND = 'Query' AND (COALESCE(DB, DATABASE()) = DATABASE() OR LOCATE(?, INFO) > 0)" +
		" AND INFO NOT LIKE 'SHOW %' AND INFO NOT LIKE '% information\\_schema.%' AND INFO NOT LIKE 'SELECT /*!40001 SQL\\_NO\\_CACHE */%'" + // ours
		" ORDER BY UPPER(INFO) LIKE 'SELECT%' OR UPPER(INFO) LIKE 'INSERT%' OR UPPER(INFO) LIKE 'UPDATE%' OR UPPER(INFO) LIKE 'DELETE%', TIME DESC LIMIT 1"
	var user, words string
	if err := s.aside.QueryRowContext(ctx, query, table).Scan(&user, &words); err != nil || words == "" {
		return "somebody waited for it, or has locked it"
	}
	return fmt.Sprintf("%s of %s waited for it", words, user)
}
