package localdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/mysqlsession"
)

// mysqlSession is one connection with settings of its own.
type mysqlSession struct {
	conn *sql.Conn
	id   int64
	// oracle says that the server is MySQL and not MariaDB.
	oracle bool

	wire *mysqlConn // below conn
	// prepared is the statement that the session has prepared last, for whoever adds rows by it; packet is the buffer for their packets.
	prepared any
	packet   []byte
}

// connect opens a session whose settings are not the server's but ours.
func (db *mysqlServer) connect(ctx context.Context) (*mysqlSession, error) {
	s := &mysqlSession{oracle: db.info.Engine == "mysql"}
	conn, err := db.pool.Conn(context.WithValue(ctx, dialedBy{}, &s.wire))
	if err != nil {
		if explained := db.explain("connect", err); !isLost(err) {
			return nil, explained
		}
		return nil, &UnreachableError{Server: db.config.URL.Address(), Err: err}
	}
	s.conn = conn
	err = db.settings.Apply(ctx, conn, map[string]string{
		// The site's sessions may hold tables for long: waiting is done in short rounds, see rename.
		"lock_wait_timeout": strconv.Itoa(int(lockRound / time.Second)),
	})
	var setting *mysqlsession.Error
	if errors.As(err, &setting) {
		s.close()
		return nil, &SettingError{Name: setting.Name, Value: setting.Value, Err: setting}
	}
	if err == nil {
		err = conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&s.id)
	}
	if err != nil {
		s.close()
		return nil, db.explain("prepare a connection", err)
	}
	return s, nil
}

func (s *mysqlSession) close() { _ = s.conn.Close() }

// exec runs one statement. A statement without arguments is sent as it is.
func (s *mysqlSession) exec(ctx context.Context, statement string, arguments ...any) error {
	_, err := s.conn.ExecContext(ctx, statement, arguments...)
	return err
}

// retry runs a statement that may get in the way of those of other sessions: of two that wait for each other, the
// server ends one. It says how many rows the statement has changed.
func (s *mysqlSession) retry(ctx context.Context, statement string) (rows int64, err error) {
	return retry(func() (int64, error) {
		result, err := s.conn.ExecContext(ctx, statement)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
}

func retry[result any](run func() (result, error)) (done result, err error) {
	for range deadlockTries {
		if done, err = run(); number(err) != mysqlDeadlock {
			break
		}
	}
	return done, err
}

// table gives the rows of a query, each by the lower-case names of its columns; NULL is "".
func (s *mysqlSession) table(ctx context.Context, query string, arguments ...any) ([]map[string]string, error) {
	rows, err := s.conn.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all []map[string]string
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make(map[string]string, len(columns))
		for i, column := range columns {
			row[strings.ToLower(column)] = values[i].String
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// list gives the first column of a query, which must be called name.
func (s *mysqlSession) list(ctx context.Context, query string, arguments ...any) ([]string, error) {
	rows, err := s.table(ctx, query, arguments...)
	var names []string
	for _, row := range rows {
		names = append(names, row["name"])
	}
	return names, err
}

func (s *mysqlSession) exists(ctx context.Context, database string) (bool, error) {
	found, err := s.list(ctx, "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", database)
	return len(found) > 0, err
}

// tables lists what RENAME TABLE moves: tables of every kind and sequences, but no views.
func (s *mysqlSession) tables(ctx context.Context, database string) ([]string, error) {
	return s.list(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = ? AND TABLE_TYPE NOT LIKE '%VIEW' AND TABLE_TYPE NOT LIKE '%TEMPORARY%' ORDER BY TABLE_NAME", database)
}

func (s *mysqlSession) hasTable(ctx context.Context, database, table string) (bool, error) {
	found, err := s.list(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
		database, table)
	return len(found) > 0, err
}

// lockPatience is how long to wait for another pull: the server may take a moment to notice that a
// killed one is gone.
const lockPatience = 5 * time.Second

// lockRound is how long a statement waits for tables that the site's sessions hold.
const lockRound = 5 * time.Second

func (db *mysqlServer) lockName() string { return "dump:" + db.names.base }

// locked opens a session that holds the lock of this database. The lock goes with the session, and
// the server ends a session only after its last statement: whoever gets the lock can be sure that no
// statement of an earlier holder is still running.
func (db *mysqlServer) locked(ctx context.Context) (*mysqlSession, error) {
	s, err := db.connect(ctx)
	if err != nil {
		return nil, err
	}
	name := db.lockName()
	var got sql.NullInt64
	err = s.conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, int(lockPatience/time.Second)).Scan(&got)
	switch {
	case err != nil:
		err = db.explain("take the lock of database "+db.names.live, err)
	case got.Int64 != 1:
		err = &BusyError{Name: db.names.live, Holder: s.holder(ctx, name), Running: true}
	default:
		return s, nil
	}
	s.close()
	return nil, err
}

// holder describes who has the lock.
func (s *mysqlSession) holder(ctx context.Context, lock string) string {
	var id sql.NullInt64
	if err := s.conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?)", lock).Scan(&id); err != nil || !id.Valid {
		return "it has ended just now"
	}
	rows, err := s.table(ctx, "SELECT USER, HOST FROM information_schema.PROCESSLIST WHERE ID = ?", id.Int64)
	if err != nil || len(rows) == 0 {
		return fmt.Sprintf("connection %d", id.Int64)
	}
	return fmt.Sprintf("connection %d of %s from %s", id.Int64, rows[0]["user"], rows[0]["host"])
}

// users describes the other sessions that use a database, as far as the account may see them.
func (s *mysqlSession) users(ctx context.Context, database string) string {
	rows, err := s.table(ctx, "SELECT ID, USER, HOST, COMMAND, TIME FROM information_schema.PROCESSLIST"+
		" WHERE DB = ? AND ID <> CONNECTION_ID() ORDER BY TIME DESC LIMIT 3", database)
	if err != nil || len(rows) == 0 {
		return "by a session that the account may not see"
	}
	var all []string
	for _, row := range rows {
		all = append(all, fmt.Sprintf("connection %s of %s from %s, %s for %s s",
			row["id"], row["user"], row["host"], strings.ToLower(row["command"]), row["time"]))
	}
	return strings.Join(all, "; ")
}

// kill ends a session whose client no longer waits for it.
func (s *mysqlSession) kill(ctx context.Context, id int64) error {
	err := s.exec(ctx, fmt.Sprintf("KILL CONNECTION %d", id))
	var serverError *mysql.MySQLError
	if errors.As(err, &serverError) {
		return nil // it has ended by itself
	}
	return err
}
