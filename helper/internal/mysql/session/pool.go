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

// Pool is the sessions that fill the scratch database. Rows of one table go in over all of them at the
// same time; everything else waits for them and is done by the first one, and settings by each. Two
// sessions take half of the time of one: what a load waits for is one thread of the server.
type Pool struct {
	Sessions []*Session
	idle     chan *Session
	// Alone says that the dump has begun a transaction of its own, which is one session's.
	Alone bool
	// tables says of each table whether the order in which its rows come matters.
	tables map[string]bool

	mutex sync.Mutex
	first error // what went wrong first
}

// ParallelBytes is the longest statement that is handed to a session while others work, in bytes: memory
// is bounded by it.
const ParallelBytes = 4 << 20

// PoolSize is how many sessions a load has: one more than cores, since one or another waits for the disk.
func (db *Server) PoolSize() int {
	if db.Config.Threads > 0 {
		return db.Config.Threads
	}
	return min(runtime.NumCPU()+1, target.MaxSessions)
}

// OpenPool opens a pool of sessions, of fewer where the server has no more.
func (db *Server) OpenPool(ctx context.Context, size int) (*Pool, error) {
	c := &Pool{idle: make(chan *Session, size), tables: map[string]bool{}}
	for range size {
		s, err := db.Connect(ctx)
		if mysql.Is(err, fault.TooManyConnections) && len(c.Sessions) > 0 {
			break // those that there are do it, too
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

// Exec runs a statement when everything before it is done, by the first session.
func (c *Pool) Exec(ctx context.Context, statement string) error {
	if err := c.Wait(); err != nil {
		return err
	}
	return c.Sessions[0].Exec(ctx, statement)
}

// Everywhere runs a statement when everything before it is done, by each session.
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

// Insert has some session add rows, and does not wait for the end. What goes wrong then is told by a later
// call.
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

// together has each session do its part of some work at the same time, when everything before is done. The first
// error ends the work of all.
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

// Each has the sessions do n pieces of work, each session the next one that nobody has begun, as together does it.
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

// Wait returns when no session works, with what went wrong first.
func (c *Pool) Wait() error {
	for range c.Sessions {
		<-c.idle
	}
	for _, s := range c.Sessions {
		c.idle <- s
	}
	return c.Failure()
}

// Failure is what went wrong first; nil for nothing.
func (c *Pool) Failure() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.first
}

// Ordered says whether the rows of a table must be inserted one after the other: where there is no primary
// key, that is the order in which they come out again.
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

// Close ends the sessions; statements that still run are cut.
func (c *Pool) Close() {
	for _, s := range c.Sessions {
		s.Close()
	}
}

// Has says whether a connection is one of the pool's, if there is one.
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
