package localdb

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// crew is the sessions that fill the scratch database. Rows of one table go in over all of them at the
// same time; everything else waits for them and is done by the first one, and settings by each. Two
// sessions take half of the time of one: what a load waits for is one thread of the server.
type crew struct {
	sessions []*mysqlSession
	idle     chan *mysqlSession
	// alone says that the dump has begun a transaction of its own, which is one session's.
	alone bool
	// tables says of each table whether the order in which its rows come matters.
	tables map[string]bool

	mutex sync.Mutex
	first error // what went wrong first
}

// mostSessions bounds how many connections of the server a load takes; servers for development have few
// cores, and many more sessions than cores gain nothing.
const mostSessions = 4

// parallelBytes is the longest statement that is handed to a session while others work, in bytes: memory
// is bounded by it.
const parallelBytes = 4 << 20

// deadlockTries is how often a statement is run that got in the way of another. The server has taken it back.
const deadlockTries = 10

// crewSize is how many sessions a load has: one more than cores, since one or another waits for the disk.
func (db *mysqlServer) crewSize() int {
	if db.config.Threads > 0 {
		return db.config.Threads
	}
	return min(runtime.NumCPU()+1, mostSessions)
}

func (db *mysqlServer) hireCrew(ctx context.Context, size int) (*crew, error) {
	c := &crew{idle: make(chan *mysqlSession, size), tables: map[string]bool{}}
	for range size {
		s, err := db.connect(ctx)
		if number(err) == mysqlTooManyConnections && len(c.sessions) > 0 {
			break // those that there are do it, too
		}
		if err != nil {
			c.close()
			return nil, err
		}
		c.sessions = append(c.sessions, s)
		c.idle <- s
	}
	return c, nil
}

// exec runs a statement when everything before it is done, by the first session.
func (c *crew) exec(ctx context.Context, statement string) error {
	if err := c.wait(); err != nil {
		return err
	}
	return c.sessions[0].exec(ctx, statement)
}

// everywhere runs a statement when everything before it is done, by each session.
func (c *crew) everywhere(ctx context.Context, statement string) error {
	if err := c.exec(ctx, statement); err != nil {
		return err
	}
	for _, s := range c.sessions[1:] {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// insert has some session add rows, and does not wait for the end. What goes wrong then is told by a later
// call.
func (c *crew) insert(add func(*mysqlSession) error) error {
	s := <-c.idle
	if err := c.failure(); err != nil {
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
func (c *crew) together(ctx context.Context, work func(context.Context, *mysqlSession) error) error {
	if err := c.wait(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range c.sessions {
		group.Go(func() error { return work(ctx, s) })
	}
	return group.Wait()
}

// each has the sessions do n pieces of work, each session the next one that nobody has begun, as together does it.
func (c *crew) each(ctx context.Context, n int, do func(ctx context.Context, s *mysqlSession, i int) error) error {
	var taken atomic.Int64
	return c.together(ctx, func(ctx context.Context, s *mysqlSession) error {
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

// wait returns when no session works, with what went wrong first.
func (c *crew) wait() error {
	for range c.sessions {
		<-c.idle
	}
	for _, s := range c.sessions {
		c.idle <- s
	}
	return c.failure()
}

func (c *crew) failure() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.first
}

// ordered says whether the rows of a table must be inserted one after the other: where there is no primary
// key, that is the order in which they come out again.
func (c *crew) ordered(ctx context.Context, database, table string) (bool, error) {
	if ordered, known := c.tables[table]; known {
		return ordered, nil
	}
	if err := c.wait(); err != nil {
		return true, err
	}
	keys, err := c.sessions[0].list(ctx, "SELECT t.TABLE_NAME AS name FROM information_schema.TABLES t, information_schema.STATISTICS s"+
		" WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ? AND s.TABLE_SCHEMA = ? AND s.TABLE_NAME = ? AND t.ENGINE = 'InnoDB' AND s.INDEX_NAME = 'PRIMARY'",
		database, table, database, table)
	c.tables[table] = len(keys) == 0
	return c.tables[table], err
}

// close ends the sessions; statements that still run are cut.
func (c *crew) close() {
	for _, s := range c.sessions {
		s.close()
	}
}

// has says whether a connection is one of the crew's, if there is one.
func (c *crew) has(id int64) bool {
	if c == nil {
		return false
	}
	for _, s := range c.sessions {
		if s.id == id {
			return true
		}
	}
	return false
}
