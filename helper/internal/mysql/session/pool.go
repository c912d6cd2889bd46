package session

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Pool is a pool of sessions that fill the scratch database. All of them insert rows of one table at the same time. Any
// other statement waits for these and is run by the first session; settings are made by each one. A load waits for one
// thread of the server per session, so two sessions take half the time of one.
type Pool struct {
	Sessions []*Session
	idle     chan *Session
	// Alone means that the dump has begun a transaction of its own, which belongs to one session.
	Alone bool
	// tables says for each table whether the order of its rows matters.
	tables map[string]bool

	mutex sync.Mutex
	first error // what went wrong first
}

// ParallelBytes is the length, in bytes, of the longest statement that a session gets while others work. It bounds the
// memory that a load takes.
const ParallelBytes = 4 << 20

// PoolSize returns how many sessions a load uses: one more than there are cores, because one of them often waits for the
// disk.
func (db *Server) PoolSize() int {
	if db.Config.Threads > 0 {
		return db.Config.Threads
	}
	return min(runtime.NumCPU()+1, target.MaxSessions)
}

// OpenPool opens a pool of sessions; fewer if the server has no more.
func (db *Server) OpenPool(ctx context.Context, size int) (*Pool, error) {
	return openPool(ctx, size, db.Connect)
}

// OpenPoolAs opens a pool of sessions of an account.
func (db *Server) OpenPoolAs(ctx context.Context, a *Account, size int) (*Pool, error) {
	return openPool(ctx, size, func(ctx context.Context) (*Session, error) { return db.ConnectAs(ctx, a) })
}

func openPool(ctx context.Context, size int, connect func(context.Context) (*Session, error)) (*Pool, error) {
	c := &Pool{idle: make(chan *Session, size), tables: map[string]bool{}}
	for range size {
		s, err := connect(ctx)
		if mysql.Is(err, fault.TooManyConnections) && len(c.Sessions) > 0 {
			break // fewer sessions do the work as well
		}
		if err != nil {
			c.Close()
			return nil, err
		}
		c.Sessions = append(c.Sessions, s)
		c.idle <- s
	}
	return c, nil
}

// Exec has the first session run a statement, after everything before it is done.
func (c *Pool) Exec(ctx context.Context, statement string) error {
	if err := c.Wait(); err != nil {
		return err
	}
	return c.Sessions[0].Exec(ctx, statement)
}

// Everywhere has each session run a statement, after everything before it is done.
func (c *Pool) Everywhere(ctx context.Context, statement string) error {
	if err := c.Exec(ctx, statement); err != nil {
		return err
	}
	for _, s := range c.Sessions[1:] {
		if err := s.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Insert has an idle session add rows, and does not wait until it is done. A later call returns the error.
func (c *Pool) Insert(add func(*Session) error) error {
	s := <-c.idle
	if err := c.Failure(); err != nil {
		c.idle <- s
		return err
	}
	go func() {
		if err := add(s); err != nil {
			c.mutex.Lock()
			if c.first == nil {
				c.first = err
			}
			c.mutex.Unlock()
		}
		c.idle <- s
	}()
	return nil
}

// together has all sessions work at the same time, after everything before is done. The first error ends the work of all.
func (c *Pool) together(ctx context.Context, work func(context.Context, *Session) error) error {
	if err := c.Wait(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range c.Sessions {
		group.Go(func() error { return work(ctx, s) })
	}
	return group.Wait()
}

// Each has the sessions do n pieces of work together. Each session takes the next piece that nobody has begun.
func (c *Pool) Each(ctx context.Context, n int, do func(ctx context.Context, s *Session, i int) error) error {
	var taken atomic.Int64
	return c.together(ctx, func(ctx context.Context, s *Session) error {
		for {
			i := int(taken.Add(1)) - 1
			if i >= n {
				return nil
			}
			if err := do(ctx, s, i); err != nil {
				return err
			}
		}
	})
}

// Wait waits until all sessions are idle, and returns the first error.
func (c *Pool) Wait() error {
	for range c.Sessions {
		<-c.idle
	}
	for _, s := range c.Sessions {
		c.idle <- s
	}
	return c.Failure()
}

// Failure returns the first error so far.
func (c *Pool) Failure() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.first
}

// Ordered reports whether the rows of a table must be inserted one after the other. Without a primary key, a table
// returns its rows in the order in which they were inserted.
func (c *Pool) Ordered(ctx context.Context, database, table string) (bool, error) {
	if ordered, known := c.tables[table]; known {
		return ordered, nil
	}
	if err := c.Wait(); err != nil {
		return true, err
	}
	keys, err := c.Sessions[0].List(ctx, "SELECT t.TABLE_NAME AS name FROM information_schema.TABLES t, information_schema.STATISTICS s"+
		" WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ? AND s.TABLE_SCHEMA = ? AND s.TABLE_NAME = ? AND t.ENGINE = 'InnoDB' AND s.INDEX_NAME = 'PRIMARY'",
		database, table, database, table)
	c.tables[table] = len(keys) == 0
	return c.tables[table], err
}

// Close ends the sessions, even while they run statements.
func (c *Pool) Close() {
	for _, s := range c.Sessions {
		s.Close()
	}
}

// Has reports whether a connection belongs to the pool, which may be nil.
func (c *Pool) Has(id int64) bool {
	if c == nil {
		return false
	}
	for _, s := range c.Sessions {
		if s.ID == id {
			return true
		}
	}
	return false
}
