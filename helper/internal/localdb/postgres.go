package localdb

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/pgsession"
)

// pgServer is a PostgreSQL server on which a database is replaced.
type pgServer struct {
	config Config
	names  names
	info   Info
	// maintenance is a database that is there before and after a swap: locks and renames are done
	// from it.
	maintenance string
	user        string
	server      *oneserver.Check
}

// pgSession is one connection.
type pgSession struct {
	conn *pgconn.PgConn
	// goodbye is the context of connect without its end: a session is closed after Ctrl-C too.
	goodbye context.Context
}

func openPostgres(ctx context.Context, config Config) (Database, error) {
	server, err := newPGServer(ctx, config)
	if err != nil {
		return nil, err
	}
	db := &postgresDatabase{server}
	if !config.Part.isAll() && db.info.Exists {
		if err := db.checkLive(ctx); err != nil {
			return nil, err
		}
	}
	return db, nil
}

// postgresDatabase is a live database on a PostgreSQL server.
type postgresDatabase struct{ *pgServer }

func (db *postgresDatabase) TakesFiles(context.Context) (FileServer, error) {
	return FileServer{}, &FilesError{Reason: "PostgreSQL takes no tables as files"}
}

func (db *postgresDatabase) Check(context.Context) error { return nil }

// newPGServer asks a server what it is, and whether it has the database.
func newPGServer(ctx context.Context, config Config) (*pgServer, error) {
	db := &pgServer{
		config: config, maintenance: "postgres", server: &oneserver.Check{Address: config.URL.Address(), Wanted: config.URL.Server},
		names: namesFor(config.URL.Name, 63, func(name string) int { return len(name) }),
	}
	s, err := db.connect(ctx, db.maintenance)
	if code(err) == pgUnknownDatabase {
		db.maintenance = "template1"
		s, err = db.connect(ctx, db.maintenance)
	}
	if err != nil {
		return nil, err
	}
	defer s.close()
	rows, err := s.query(ctx, "SELECT current_setting('server_version'), current_user, count(*) FROM pg_database WHERE datname = $1", db.names.live)
	if err != nil {
		return nil, db.explain("ask for the server's version", err)
	}
	version, _, _ := strings.Cut(rows[0][0], " ")
	db.info = Info{Engine: "postgres", Version: version, Name: db.names.live, Exists: rows[0][2] != "0"}
	db.user = rows[0][1]
	return db, nil
}

// connectSeconds is how long the server may take to let someone in. A test shortens it.
var connectSeconds = 10

// connect opens a session in a database.
func (db *pgServer) connect(ctx context.Context, database string) (*pgSession, error) {
	u := db.config.URL
	modes := map[dburl.TLS]string{dburl.TLSOff: "disable", dburl.TLSPreferred: "prefer", dburl.TLSOn: "require", dburl.TLSVerify: "verify-full"}
	settings := fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=%s connect_timeout=%d",
		quoteSetting(u.Host), u.Port, quoteSetting(u.User), quoteSetting(database), modes[u.TLS], connectSeconds)
	if u.CA != "" {
		settings += " sslrootcert=" + quoteSetting(u.CA)
	}
	config, err := pgconn.ParseConfig(settings)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", u.Address(), err)
	}
	if u.Password.IsSet() {
		config.Password = u.Password.Reveal()
	}
	config.RuntimeParams["application_name"] = "dump-helper"
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	if u.Server != nil && len(u.Server.Addresses) > 0 {
		config.LookupFunc = func(context.Context, string) ([]string, error) { return u.Server.Addresses, nil }
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, db.explainConnect(ctx, database, err)
	}
	s := &pgSession{conn, context.WithoutCancel(ctx)}
	// Nothing here is bent or ended by settings that the server's administrator meant for the site.
	if _, err := pgsession.Apply(ctx, conn, pgsession.Writing); err != nil {
		s.close()
		var setting *pgsession.Error
		if errors.As(err, &setting) {
			return nil, &SettingError{Name: setting.Name, Value: setting.Value, Err: setting}
		}
		return nil, db.explain("prepare a connection", err)
	}
	if err := db.checkServer(ctx, s); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// enter opens a session in the live database. The server makes newcomers wait there while tables of it are replaced.
func (db *pgServer) enter(ctx context.Context) (*pgSession, error) {
	s, err := db.connect(ctx, db.names.live)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) {
		return s, err
	}
	beside, failed := db.connect(ctx, db.maintenance)
	if failed != nil {
		return nil, err
	}
	defer beside.close()
	return nil, &BusyError{Name: db.names.live, Holder: db.holder(ctx, beside), Running: true}
}

func (db *pgServer) explainConnect(ctx context.Context, database string, err error) error {
	server := db.config.URL.Address()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("connect to %s: %w", server, ctx.Err())
	case code(err) == pgUnknownDatabase:
		return fmt.Errorf("connect to database %s of %s: %w", database, server, err)
	case code(err) == pgWrongPassword, code(err) == pgNotAuthorised:
		return &AuthError{User: db.config.URL.User, Server: server, Err: serverSays(err)}
	case code(err) == pgDenied:
		return &PrivilegeError{Action: "connect to database " + database,
			Grant: fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s", quoteIdentifier(database), quoteIdentifier(db.config.URL.User)), Err: serverSays(err)}
	}
	return &UnreachableError{Server: server, Err: serverSays(err)}
}

func (s *pgSession) close() {
	ctx, cancel := context.WithTimeout(s.goodbye, 5*time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// exec runs statements as they are.
func (s *pgSession) exec(ctx context.Context, statements string) error {
	_, err := s.conn.Exec(ctx, statements).ReadAll()
	return err
}

// query gives the rows of a query as text; NULL is "".
func (s *pgSession) query(ctx context.Context, query string, arguments ...string) ([][]string, error) {
	values := make([][]byte, len(arguments))
	for i, argument := range arguments {
		values[i] = []byte(argument)
	}
	result := s.conn.ExecParams(ctx, query, values, nil, nil, nil).Read()
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

func (db *pgServer) Info() Info { return db.info }

// Close has nothing to do: sessions live as long as what they are for.
func (db *pgServer) Close() error { return nil }

func (db *pgServer) FreeBytes(ctx context.Context) (int64, bool) {
	if !db.config.URL.IsLocal() {
		return 0, false
	}
	s, err := db.connect(ctx, db.maintenance)
	if err != nil {
		return 0, false
	}
	defer s.close()
	rows, err := s.query(ctx, "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = $1", db.maintenance)
	if err != nil || len(rows) == 0 {
		return 0, false
	}
	return freeBytes(rows[0][0], filepath.Join(rows[0][0], "base", rows[0][1]))
}

// locked opens a session in the maintenance database that holds the lock of this database.
func (db *pgServer) locked(ctx context.Context) (*pgSession, error) {
	s, err := db.connect(ctx, db.maintenance)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		rows, err := s.query(ctx, "SELECT pg_try_advisory_lock("+lockKey+")", db.names.base)
		switch {
		case err != nil:
			s.close()
			return nil, db.explain("take the lock of database "+db.names.live, err)
		case rows[0][0] == "t":
			return s, nil
		case try < lockTries:
			// The server may take a moment to notice that a killed pull is gone.
			if err := pause(ctx, time.Second); err == nil {
				continue
			}
		}
		holder := db.holder(ctx, s)
		s.close()
		return nil, &BusyError{Name: db.names.live, Holder: holder, Running: true}
	}
}

const lockTries = 5

// lockKey is the number of the lock of a database.
const lockKey = "hashtextextended('dump:' || $1, 0)"

// holder says who has the lock of this database.
func (db *pgServer) holder(ctx context.Context, s *pgSession) string {
	return s.describe(ctx, "SELECT a.pid, a.usename, a.client_addr FROM pg_locks l JOIN pg_stat_activity a USING (pid)"+
		" WHERE l.locktype = 'advisory' AND l.granted AND (l.classid::bigint << 32) | l.objid::bigint = "+lockKey, db.names.base)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// describe names the sessions that a query finds: pid, user, address.
func (s *pgSession) describe(ctx context.Context, query string, arguments ...string) string {
	rows, err := s.query(ctx, query, arguments...)
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

func quoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteSetting writes a value for a connection string.
func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'"
}

// serverSays gives the server's own message where there is one: pgconn's repeats the connection's
// settings.
func serverSays(err error) error {
	var serverError *pgconn.PgError
	if errors.As(err, &serverError) {
		return serverError
	}
	return err
}
