package read

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// clientWatcher watches for sessions that wait for mysqldump. Without a connection of its own, it does nothing.
type clientWatcher struct {
	*snapshot
	pool *sql.DB
}

// beforeClient reads the server's time, and connects a watcher while that connection is open. So a server or an account with a single connection
// refuses the watcher, and not the client.
func (m *Server) beforeClient(ctx context.Context, now *time.Time) (*clientWatcher, error) {
	w := &clientWatcher{snapshot: &snapshot{server: m}}
	err := m.session(ctx, func(conn *sql.Conn) error {
		var text string
		if err := conn.QueryRowContext(ctx, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR), CONNECTION_ID()").Scan(&text, &m.latest); err != nil {
			return err
		}
		var err error
		if *now, err = time.Parse("2006-01-02 15:04:05.999999", text); err != nil {
			return err
		}
		w.pool, w.aside, _ = m.connect(ctx)
		return ctx.Err()
	})
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// Close closes its connection, which may be lost.
func (w *clientWatcher) Close() error {
	if w.aside != nil {
		_, _ = w.aside.Close(), w.pool.Close()
	}
	return nil
}

// watch watches until ctx ends.
func (w *clientWatcher) watch(ctx context.Context) error {
	if w.aside == nil {
		return nil
	}
	go w.followClient(ctx)
	return w.snapshot.watch(ctx)
}

// clientSession is the session of mysqldump, seen through another connection. Its number is unknown: it is a session of the same account from the
// same machine, in the same database, that is not ours and has begun since.
type clientSession struct {
	server *Server
	after  uint64 // the number of a session that began before it: servers number sessions upwards
}

// clientSessions lists what could be mysqldump's sessions.
const clientSessions = "SELECT p.ID AS id, p.COMMAND AS command, COALESCE(p.STATE, '') AS state, p.INFO LIKE 'SELECT /*!40001 SQL_NO_CACHE */%' AS reads_rows" +
	" FROM information_schema.PROCESSLIST p JOIN information_schema.PROCESSLIST me ON me.ID = CONNECTION_ID()" +
	" WHERE p.ID <> me.ID AND p.USER = me.USER AND p.DB = me.DB AND SUBSTRING_INDEX(p.HOST, ':', 1) = SUBSTRING_INDEX(me.HOST, ':', 1) AND p.ID > "

// Look asks whether any of them is at work.
func (c *clientSession) Look(ctx context.Context) (silence.State, error) {
	state := silence.Gone
	err := c.aside(ctx, func(conn *sql.Conn) error {
		rows, err := mysql.Rows(ctx, conn, clientSessions+strconv.FormatUint(c.after, 10))
		for _, row := range rows {
			if !mysql.WaitsForClient(row["command"], row["state"]) {
				state = silence.Working
			}
		}
		return err
	})
	if mysql.Errno(err) != 0 {
		return silence.Unseen, err
	}
	return state, err
}

// End ends those that read rows as mysqldump does, and whose rows nobody takes. A session that does nothing ends when the server notices that the
// client has gone.
func (c *clientSession) End(ctx context.Context) error {
	return c.aside(ctx, func(conn *sql.Conn) error {
		rows, err := mysql.Rows(ctx, conn, clientSessions+strconv.FormatUint(c.after, 10))
		for _, row := range rows {
			if row["reads_rows"] == "1" && mysql.WaitsForClient(row["command"], row["state"]) {
				_, failed := conn.ExecContext(ctx, "KILL CONNECTION "+row["id"])
				err = errors.Join(err, failed)
			}
		}
		return err
	})
}

func (c *clientSession) aside(ctx context.Context, do func(*sql.Conn) error) error {
	pool, conn, err := c.server.connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(), pool.Close())
}

// clientQuery matches the queries by which clients read the rows of a table. Every account sees its own sessions.
var clientQuery = regexp.MustCompile("(?s)^SELECT /\\*!40001 SQL_NO_CACHE \\*/.* FROM `((?:[^`]|``)+)`")

// followClient notes which table is being read.
func (s *snapshot) followClient(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	before := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		table := s.clientTable(ctx)
		if table == before {
			continue
		}
		if s.held.remove(0); table != "" {
			s.held.add(0, table)
		}
		before = table
	}
}

func (s *snapshot) clientTable(ctx context.Context) string {
	s.using.Lock()
	defer s.using.Unlock()
	var text string
	err := s.aside.QueryRowContext(ctx, "SELECT INFO FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'SELECT /*!40001 SQL_NO_CACHE */%' LIMIT 1").Scan(&text)
	found := clientQuery.FindStringSubmatch(text)
	if err != nil || found == nil {
		return ""
	}
	return strings.ReplaceAll(found[1], "``", "`")
}
