package read

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/clock"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Several connections can only see the same moment if nobody writes while they begin. Writers wait behind the lock that
// this takes, and behind our own waiting for it, for at most lockPatience each.
const (
	lockPatience = 400 * time.Millisecond
	lockTries    = 3
)

// errOthersWrite means that the lock was not granted within lockPatience.
var errOthersWrite = errors.New("others write to the tables all the time")

// beginTogether makes all readers begin at the same moment.
func (s *snapshot) beginTogether(ctx context.Context, tables []string) error {
	var refused error
	for _, lock := range s.locks(tables) {
		for try := 1; ; try++ {
			refused = s.underLock(ctx, lock.statement)
			if refused == nil {
				s.how = fmt.Sprintf("one snapshot, read over %d connections (%s for a moment)", len(s.readers), lock.name)
				return nil
			}
			if !errors.Is(refused, errOthersWrite) || try == lockTries {
				break
			}
			if err := clock.Sleep(ctx, source.LockPause); err != nil {
				return err
			}
		}
		var server *driver.MySQLError
		if !errors.As(refused, &server) && !errors.Is(refused, errOthersWrite) {
			return refused
		}
	}
	return refused
}

type tableLock struct{ statement, name string }

// locks returns the statements that keep others from writing, the better one first. FLUSH TABLES WITH READ LOCK waits
// for running queries. If it gives up, MySQL and old versions of MariaDB let nobody read the tables of such a query
// until the query has ended. So only MariaDB gets it, which since 10.4 does not wait for readers.
func (s *snapshot) locks(tables []string) []tableLock {
	var locks []tableLock
	if s.server.release.Since(100400, 0) {
		locks = append(locks, tableLock{"FLUSH TABLES WITH READ LOCK", "FLUSH TABLES WITH READ LOCK"})
	}
	if statement := lockTables(tables); statement != "" {
		locks = append(locks, tableLock{statement, "LOCK TABLES"})
	}
	return locks
}

// lockTables returns the statement that keeps others from writing to the tables.
func lockTables(tables []string) string {
	var list []string
	for _, table := range tables {
		list = append(list, mysql.QuoteName(table)+" READ")
	}
	if len(list) == 0 {
		return ""
	}
	return "LOCK TABLES " + strings.Join(list, ", ")
}

// underLock makes all readers begin while the connection aside holds a lock.
func (s *snapshot) underLock(ctx context.Context, statement string) error {
	if err := s.lock(ctx, statement); err != nil {
		// An interrupted FLUSH may have kept some of its locks.
		_, unlocking := s.aside.ExecContext(ctx, "UNLOCK TABLES")
		return errors.Join(err, unlocking)
	}
	unlock := func() error {
		_, err := s.aside.ExecContext(ctx, "UNLOCK TABLES")
		return err
	}
	began := make(chan error, 1)
	go func() { began <- errors.Join(s.kept.take(ctx), s.begin(ctx)) }()
	select {
	case err := <-began:
		if err != nil {
			err = errors.Join(err, s.kept.giveBack(ctx))
		}
		return errors.Join(err, unlock())
	case <-time.After(lockPatience):
		// They did begin, but not all of them while the lock was held.
		return errors.Join(unlock(), <-began, s.kept.giveBack(ctx), fmt.Errorf("%w, or the server is slow", errOthersWrite))
	}
}

// lock asks for a lock on the connection aside, and gives up after lockPatience. The shortest lock_wait_timeout is a
// whole second.
func (s *snapshot) lock(ctx context.Context, statement string) error {
	var id int64
	if err := s.aside.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return err
	}
	locked, interrupted := make(chan struct{}), make(chan bool)
	go func() {
		select {
		case <-locked:
			interrupted <- false
		case <-time.After(lockPatience):
			_, _ = s.readers[0].ExecContext(ctx, fmt.Sprintf("KILL QUERY %d", id))
			interrupted <- true
		}
	}()
	_, err := s.aside.ExecContext(ctx, statement)
	close(locked)
	if <-interrupted {
		// The interruption may have come too late. Then it hits the next statement.
		var server *driver.MySQLError
		if _, late := s.aside.ExecContext(ctx, "UNLOCK TABLES"); late != nil && !errors.As(late, &server) {
			return late
		}
		return errOthersWrite
	}
	return err
}

// savepoints sets the savepoint that each reader goes back to.
func (s *snapshot) savepoints(ctx context.Context) error {
	for _, reader := range s.readers {
		if _, err := reader.ExecContext(ctx, source.SetSavepoint); err != nil {
			return err
		}
	}
	return nil
}

// confirm checks that the definitions that were read before the snapshot are those of its moment. It returns them as
// they are now, with the present values of counters. The given readers help.
func (s *snapshot) confirm(ctx context.Context, readers []*snapshotReader) (*definitions, error) {
	after, err := s.server.readDefinitions(ctx, s.now(), s.server.tables, readers)
	if err != nil {
		return nil, err
	}
	if s.aside == nil {
		if err := s.readers[0].giveBack(ctx); err != nil {
			return nil, err
		}
	}
	if !s.definitions.same(after) {
		return nil, source.ErrDefinitionChanged
	}
	return after, nil
}

// pendingCheck is a check that runs while its reader goes on; none at first.
type pendingCheck struct{ result chan error }

// begin begins a check. The one before must have been waited for.
func (c *pendingCheck) begin(check func() error) {
	c.result = make(chan error, 1)
	go func() { c.result <- check() }()
}

// wait returns the result of the check, once; nil if there is none.
func (c *pendingCheck) wait() error {
	if c.result == nil {
		return nil
	}
	err := <-c.result
	c.result = nil
	return err
}

// sameTables checks that tables whose rows have been read were not altered or exchanged since the snapshot. It is asked
// for one table, or for all of them if there is no connection aside: then the snapshot is no longer needed.
func (s *snapshot) sameTables(ctx context.Context, tables ...*tableRows) error {
	s.using.Lock()
	defer s.using.Unlock()
	name := ""
	if len(tables) == 1 {
		name = tables[0].name
	}
	if s.aside == nil {
		if _, err := s.readers[0].ExecContext(ctx, "COMMIT"); err != nil {
			return err
		}
	}
	now, err := readMade(ctx, s.now(), name)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if now[table.name] != s.made[table.name] {
			return source.Failure("read table "+table.name, source.ErrDefinitionChanged, errors.New("it was altered, or another one has its name now"))
		}
	}
	return nil
}
