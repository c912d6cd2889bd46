package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Definition returns the CREATE statement of a table in the session's database.
func (s *Session) Definition(ctx context.Context, table string) (string, error) {
	return mysql.ShowCreateTable(ctx, s.Conn, mysql.QuoteName(table))
}

// Directly lets a function use the connection below the driver, which is idle meanwhile. If the context ends, the
// connection is closed, as the driver would close it.
func (s *Session) Directly(ctx context.Context, use func(*protocol.Conn) error) error {
	return s.Conn.Raw(func(any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = s.Wire.Close() })
		err := use(s.Wire)
		if !stop() {
			return ctx.Err()
		}
		return err
	})
}

// Session is one connection with settings of its own.
type Session struct {
	Conn    *sql.Conn
	ID      int64
	Flavour mysql.Flavour // of the server

	apply apply

	Wire *protocol.Conn // the connection below Conn
	// Prepared is the statement that was prepared last, for whoever adds rows with it. Packet is a buffer for their packets.
	Prepared any
	Packet   []byte
}

// Connect opens a session with our settings instead of the server's.
func (db *Server) Connect(ctx context.Context) (*Session, error) {
	return db.connect(ctx, db.Pool, db.settings.Apply)
}

// apply makes the settings of a new session: see settings.Settings.
type apply func(ctx context.Context, conn *sql.Conn, own map[string]string) error

func (db *Server) connect(ctx context.Context, pool *Connections, apply apply) (*Session, error) {
	s := &Session{Flavour: db.Release.Flavour, apply: apply}
	conn, err := pool.Conn(context.WithValue(ctx, protocol.DialedBy{}, &s.Wire))
	if err != nil {
		return nil, db.classifyConnect(err)
	}
	s.Conn = conn
	if err := db.applySettings(ctx, s); err != nil {
		s.Close()
		return nil, err
	}
	if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&s.ID); err != nil {
		s.Close()
		return nil, db.Classify("prepare a connection", err)
	}
	return s, nil
}

// connectFirst is Connect for a session that is our only one.
func (db *Server) connectFirst(ctx context.Context) (s *Session, err error) {
	err = target.ConnectFirst(ctx, db.Config.Note, mysql.Is, func() error {
		s, err = db.Connect(ctx)
		return err
	})
	return s, err
}

func (db *Server) applySettings(ctx context.Context, s *Session) error {
	err := s.apply(ctx, s.Conn, map[string]string{
		// The site's sessions may hold tables for a long time, so waiting is done in short rounds; see rename.
		"lock_wait_timeout": strconv.Itoa(int(LockRound / time.Second)),
	})
	var setting *settings.Error
	if errors.As(err, &setting) {
		return &target.SettingError{Name: setting.Name, Value: setting.Value, Err: setting}
	}
	return db.Classify("prepare a connection", err)
}

// RestoreSettings gives a session the settings with which it began, whatever a dump has set since.
func (db *Server) RestoreSettings(ctx context.Context, s *Session) error {
	if err := db.applySettings(ctx, s); err != nil {
		return err
	}
	return s.Exec(ctx, "SET SESSION time_zone = DEFAULT")
}

// Close ends the session.
func (s *Session) Close() { _ = s.Conn.Close() }

// Exec runs one statement. A statement without arguments is sent as it is.
func (s *Session) Exec(ctx context.Context, statement string, arguments ...any) error {
	_, err := s.Conn.ExecContext(ctx, statement, arguments...)
	return err
}

// Retry runs a statement that may deadlock with those of other sessions, and returns how many rows it has changed.
func (s *Session) Retry(ctx context.Context, statement string) (rows int64, err error) {
	return Retry(func() (int64, error) {
		result, err := s.Conn.ExecContext(ctx, statement)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
}

// Retry runs a statement again as long as the server ends it because of a deadlock, up to target.DeadlockTries times.
func Retry[result any](run func() (result, error)) (done result, err error) {
	for range target.DeadlockTries {
		if done, err = run(); mysql.Errno(err) != mysql.ErrnoDeadlock {
			break
		}
	}
	return done, err
}

// Table returns the rows of a query, each by the lower-case names of its columns; NULL is "".
func (s *Session) Table(ctx context.Context, query string, arguments ...any) ([]map[string]string, error) {
	return mysql.Rows(ctx, s.Conn, query, arguments...)
}

// List returns the column of a query that is called name.
func (s *Session) List(ctx context.Context, query string, arguments ...any) ([]string, error) {
	rows, err := s.Table(ctx, query, arguments...)
	var names []string
	for _, row := range rows {
		names = append(names, row["name"])
	}
	return names, err
}

// Exists reports whether the server has a database.
func (s *Session) Exists(ctx context.Context, database string) (bool, error) {
	found, err := s.List(ctx, "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", database)
	return len(found) > 0, err
}

// Tables lists what RENAME TABLE can move: tables of every kind and sequences, but no views.
func (s *Session) Tables(ctx context.Context, database string) ([]string, error) {
	return s.List(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = ? AND "+mysql.StoredTables+" ORDER BY TABLE_NAME", database)
}

// HasTable reports whether a database has a table or view.
func (s *Session) HasTable(ctx context.Context, database, table string) (bool, error) {
	found, err := s.List(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
		database, table)
	return len(found) > 0, err
}

// lockPatience is how long to wait for another pull. The server may take a moment to notice that a killed one is gone.
const lockPatience = 5 * time.Second

// LockRound is how long one statement waits for tables that the site's sessions hold, in whole seconds. A test shortens it.
var LockRound = 5 * time.Second

// LockName returns the name of the lock that a pull of this database holds.
func (db *Server) LockName() string { return "dump:" + db.Names.Base }

// Locked opens a session that holds the lock of this database. The lock is released with the session, and the server
// ends a session only after its last statement. So whoever gets the lock knows that no statement of an earlier holder is
// still running.
func (db *Server) Locked(ctx context.Context) (*Session, error) {
	s, err := db.connectFirst(ctx)
	if err != nil {
		return nil, err
	}
	name := db.LockName()
	var got sql.NullInt64
	err = s.Conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, int(lockPatience/time.Second)).Scan(&got)
	switch {
	case err != nil:
		err = db.Classify("take the lock of database "+db.Names.Live, err)
	case got.Int64 != 1:
		err = &target.BusyError{Name: db.Names.Live, Holder: s.holder(ctx, name), Running: true}
	default:
		return s, nil
	}
	s.Close()
	return nil, err
}

// holder describes who holds the lock.
func (s *Session) holder(ctx context.Context, lock string) string {
	var id sql.NullInt64
	if err := s.Conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?)", lock).Scan(&id); err != nil || !id.Valid {
		return "it has ended just now"
	}
	rows, err := s.Table(ctx, "SELECT USER, HOST FROM information_schema.PROCESSLIST WHERE ID = ?", id.Int64)
	if err != nil || len(rows) == 0 {
		return fmt.Sprintf("connection %d", id.Int64)
	}
	return fmt.Sprintf("connection %d of %s from %s", id.Int64, rows[0]["user"], rows[0]["host"])
}

// Users describes the other sessions that use a database, if the account may see them.
func (s *Session) Users(ctx context.Context, database string) string {
	rows, err := s.Table(ctx, "SELECT ID, USER, HOST, COMMAND, TIME FROM information_schema.PROCESSLIST"+
		" WHERE DB = ? AND ID <> CONNECTION_ID() ORDER BY TIME DESC LIMIT 3", database)
	if err != nil || len(rows) == 0 {
		return "by a session that the account may not see"
	}
	return describe(rows)
}

// describe describes sessions, rows of the list of processes.
func describe(rows []map[string]string) string {
	var all []string
	for _, row := range rows {
		all = append(all, fmt.Sprintf("connection %s of %s from %s, %s for %s s",
			row["id"], row["user"], row["host"], strings.ToLower(row["command"]), row["time"]))
	}
	return strings.Join(all, "; ")
}

// WhoLocksAll describes the session that keeps the whole server locked. Where the server does not tell, it describes those that may be it: all
// others, those that were idle for longest first.
func (s *Session) WhoLocksAll(ctx context.Context) string {
	const found = "SELECT ID, USER, HOST, COMMAND, TIME FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND "
	for _, holds := range []string{
		"ID IN (SELECT t.PROCESSLIST_ID FROM performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID" +
			" WHERE l.OBJECT_TYPE IN ('GLOBAL', 'COMMIT', 'BACKUP LOCK') AND l.LOCK_STATUS = 'GRANTED' AND l.LOCK_TYPE = 'SHARED')",
		"ID IN (SELECT THREAD_ID FROM information_schema.METADATA_LOCK_INFO WHERE LOCK_MODE LIKE 'MDL_BACKUP_%' AND LOCK_MODE NOT LIKE '%DML%' AND LOCK_MODE NOT LIKE '%DDL%')",
		"COMMAND NOT IN ('Daemon', 'Binlog Dump') AND USER NOT IN ('system user', 'event_scheduler')",
	} {
		if rows, err := s.Table(ctx, found+holds+" ORDER BY COMMAND = 'Sleep' DESC, TIME DESC LIMIT 3"); err == nil && len(rows) > 0 {
			return describe(rows)
		}
	}
	return "a session that the account may not see"
}

// Kill ends a session whose client no longer waits for it.
func (s *Session) Kill(ctx context.Context, id int64) error {
	err := s.Exec(ctx, fmt.Sprintf("KILL CONNECTION %d", id))
	var serverError *driver.MySQLError
	if errors.As(err, &serverError) {
		return nil // it has ended by itself
	}
	return err
}
