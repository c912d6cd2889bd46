// Package session manages the local PostgreSQL server: its sessions, its lock, and the names of the databases beside the live
// one.
package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/settings"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// Server is a PostgreSQL server on which a database is replaced.
type Server struct {
	Config target.Config
	Names  target.Names
	About  target.Info
	// Maintenance is a database that exists before and after a swap. Locks and renames are done from it.
	Maintenance string
	User        string
	server      *oneserver.Check
	limits      postgres.TimeLimits
	silence     *silence.Watch
	// quiet are settings with which sessions of the pull's own account begin.
	quiet map[string]string
}

// Session is one connection.
type Session struct {
	Conn *pgconn.PgConn
	// goodbye is Connect's context without its end, since a session is also closed after Ctrl-C.
	goodbye context.Context
}

// New asks a server for its version, and whether it has the database.
func New(ctx context.Context, config target.Config) (*Server, error) {
	db := &Server{
		silence: silence.New(config.URL.Address(), config.URL.Silence),
		Config:  config.Complete(), Maintenance: "postgres", server: &oneserver.Check{Address: config.URL.Address(), Wanted: config.URL.Server},
		Names: target.NamesFor(config.URL.Name, 63, func(name string) int { return len(name) }),
	}
	if db.Names.Live == db.Maintenance { // nobody can rename the database that he is connected to
		db.Maintenance = "template1"
	}
	s, err := db.connectFirst(ctx)
	if postgres.SQLState(err) == postgres.UnknownDatabase {
		db.Maintenance = "template1"
		s, err = db.connectFirst(ctx)
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rows, err := s.Query(ctx, "SELECT current_setting('server_version'), current_user, count(*) FROM pg_database WHERE datname = $1", db.Names.Live)
	if err != nil {
		return nil, db.Classify("ask for the server's version", err)
	}
	server, _, _ := strings.Cut(rows[0][0], " ")
	db.About = target.Info{Engine: "postgres", Version: server, Name: db.Names.Live, Exists: rows[0][2] != "0"}
	db.User = rows[0][1]
	if err := db.keepEventsQuiet(ctx, s); err != nil {
		return nil, err
	}
	return db, supported(server)
}

// keepEventsQuiet has our sessions begin without event triggers where the server can do that and lets the account: those on login would react to
// each of them.
func (db *Server) keepEventsQuiet(ctx context.Context, s *Session) error {
	if db.Major() < 17 {
		return nil
	}
	rows, err := s.Query(ctx, "SELECT has_parameter_privilege(session_user, 'event_triggers', 'SET')")
	if err != nil {
		return db.Classify("ask for the account's rights", err)
	}
	if rows[0][0] == "t" {
		db.quiet = map[string]string{"event_triggers": "off"}
	}
	return nil
}

// oldest is the oldest major version into which dumps are pulled.
const oldest = 10

func supported(server string) error {
	if v, known := version.Parse(server); known && v.Major < oldest {
		return &target.TooOldError{Server: "PostgreSQL", Version: server, Oldest: strconv.Itoa(oldest)}
	}
	return nil
}

// ConnectTimeout is how long the server may take to let somebody in. A test shortens it.
var ConnectTimeout = 10 * time.Second

// Connect opens a session in a database.
func (db *Server) Connect(ctx context.Context, database string) (*Session, error) {
	s, err := db.open(ctx, database, db.Config.URL, func(*pgconn.Notice) {})
	if err != nil {
		return nil, db.classifyConnect(database, err)
	}
	if err := db.checkServer(ctx, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// connectFirst opens a session in the maintenance database while we have no other one.
func (db *Server) connectFirst(ctx context.Context) (s *Session, err error) {
	err = target.ConnectFirst(ctx, db.Config.Note, postgres.Is, func() error {
		s, err = db.Connect(ctx, db.Maintenance)
		return err
	})
	return s, err
}

// open opens a session by a URL. Its settings are made; who the server is has not been checked.
func (db *Server) open(ctx context.Context, database string, u dburl.URL, notice func(*pgconn.Notice)) (*Session, error) {
	aside := db.Maintenance
	if u.User != db.Config.URL.User { // the account of a load may be let into its own database alone
		aside = ""
	}
	config, err := postgres.Config(u, database, postgres.Options{Timeout: ConnectTimeout, Silence: db.silence, Aside: aside})
	if err != nil {
		return nil, err
	}
	if u.User == db.Config.URL.User {
		maps.Copy(config.RuntimeParams, db.quiet)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notice(n) }
	// Settings that are meant for the site must not affect our sessions.
	conn, err := db.limits.Connect(ctx, config, func(conn *pgx.Conn) error {
		_, err := settings.Apply(ctx, conn.PgConn(), settings.Writing)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return &Session{conn.PgConn(), context.WithoutCancel(ctx)}, nil
}

// Enter opens a session in the live database. While its tables are being replaced, the server makes new sessions wait.
func (db *Server) Enter(ctx context.Context) (*Session, error) {
	s, err := db.Connect(ctx, db.Names.Live)
	var unreachable *target.UnreachableError
	if !errors.As(err, &unreachable) {
		return s, err
	}
	beside, failed := db.Connect(ctx, db.Maintenance)
	if failed != nil {
		return nil, err
	}
	defer beside.Close()
	return nil, &target.BusyError{Name: db.Names.Live, Holder: db.holder(ctx, beside), Running: true}
}

// Close ends the session, even after Ctrl-C.
func (s *Session) Close() {
	ctx, cancel := context.WithTimeout(s.goodbye, 5*time.Second)
	defer cancel()
	_ = s.Conn.Close(ctx)
}

// Exec runs statements as they are.
func (s *Session) Exec(ctx context.Context, statements string) error {
	_, err := s.Conn.Exec(ctx, statements).ReadAll()
	return err
}

// Query returns the rows of a query as text; NULL is "".
func (s *Session) Query(ctx context.Context, query string, arguments ...string) ([][]string, error) {
	values := make([][]byte, len(arguments))
	for i, argument := range arguments {
		values[i] = []byte(argument)
	}
	result := s.Conn.ExecParams(ctx, query, values, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	all := make([][]string, len(result.Rows))
	for i, row := range result.Rows {
		for _, value := range row {
			all[i] = append(all[i], string(value))
		}
	}
	return all, nil
}

// countedAtOnce is how many tables are counted by one query: for small ones, the way to the server takes longer than the counting.
const countedAtOnce = 50

// CountEach counts the rows of relations, which are given as FROM takes them, and calls counted for each of them. It returns the first error
// of counted.
func (s *Session) CountEach(ctx context.Context, relations []string, counted func(i int, rows string, err error) error) error {
	for from := 0; from < len(relations); from += countedAtOnce {
		some := relations[from:min(from+countedAtOnce, len(relations))]
		counts, err := s.count(ctx, some)
		for i := range some {
			if err == nil {
				if err := counted(from+i, counts[i], nil); err != nil {
					return err
				}
				continue
			}
			rows := ""
			one, alone := s.count(ctx, some[i:i+1])
			if alone == nil {
				rows = one[0]
			}
			if err := counted(from+i, rows, alone); err != nil {
				return err
			}
		}
	}
	return nil
}

// count counts the rows of relations, all or none.
func (s *Session) count(ctx context.Context, relations []string) ([]string, error) {
	queries := make([]string, len(relations))
	for i, relation := range relations {
		queries[i] = fmt.Sprintf("SELECT %d, count(*) FROM %s", i, relation)
	}
	rows, err := s.Query(ctx, strings.Join(queries, " UNION ALL "))
	if err != nil {
		return nil, err
	}
	counts := make([]string, len(relations))
	for _, row := range rows {
		i, err := strconv.Atoi(row[0])
		if err != nil {
			return nil, err
		}
		counts[i] = row[1]
	}
	return counts, nil
}

// Info returns what New found.
func (db *Server) Info() target.Info { return db.About }

// Close does nothing: each session is closed by its user.
func (db *Server) Close() error { return nil }

// FreeBytes returns how many bytes are free where the server keeps its data; see target.Database.
func (db *Server) FreeBytes(ctx context.Context) (int64, bool) {
	if !db.Config.URL.IsLocal() {
		return 0, false
	}
	s, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return 0, false
	}
	defer s.Close()
	rows, err := s.Query(ctx, "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = $1", db.Maintenance)
	if err != nil || len(rows) == 0 {
		return 0, false
	}
	return target.FreeBytes(rows[0][0], filepath.Join(rows[0][0], "base", rows[0][1]))
}

// Locked opens a session in the maintenance database that holds the lock of this database.
func (db *Server) Locked(ctx context.Context) (*Session, error) {
	s, err := db.connectFirst(ctx)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		rows, err := s.Query(ctx, "SELECT pg_try_advisory_lock("+db.lockKey()+")", db.Names.Base)
		switch {
		case err != nil:
			s.Close()
			return nil, db.Classify("take the lock of database "+db.Names.Live, err)
		case rows[0][0] == "t":
			return s, nil
		case try < lockTries:
			// The server may take a moment to notice that a killed pull is gone.
			if err := Pause(ctx, time.Second); err == nil {
				continue
			}
		}
		holder := db.holder(ctx, s)
		s.Close()
		return nil, &target.BusyError{Name: db.Names.Live, Holder: holder, Running: true}
	}
}

const lockTries = 5

// Major is the server's major version.
func (db *Server) Major() int {
	v, _ := version.Parse(db.About.Version)
	return v.Major
}

// lockKey is an expression for the key of a database's lock.
func (db *Server) lockKey() string {
	if db.Major() < 11 {
		return "hashtext('dump:' || $1)::bigint"
	}
	return "hashtextextended('dump:' || $1, 0)"
}

// holder describes who holds the lock of this database.
func (db *Server) holder(ctx context.Context, s *Session) string {
	return s.Describe(ctx, "SELECT a.pid, a.usename, a.client_addr FROM pg_locks l JOIN pg_stat_activity a USING (pid)"+
		" WHERE l.locktype = 'advisory' AND l.granted AND (l.classid::bigint << 32) | l.objid::bigint = "+db.lockKey(), db.Names.Base)
}

// Pause waits, and returns the context's error if that ends first.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Describe describes the sessions that a query selects: pid, user, address.
func (s *Session) Describe(ctx context.Context, query string, arguments ...string) string {
	rows, err := s.Query(ctx, query, arguments...)
	if err != nil || len(rows) == 0 {
		return "a session that has ended just now"
	}
	var all []string
	for _, row := range rows {
		text := fmt.Sprintf("process %s of %s", row[0], row[1])
		if row[2] != "" {
			text += " from " + row[2]
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}
