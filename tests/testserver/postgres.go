package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// PG is a running PostgreSQL server. It trusts the superuser postgres without a password and asks all others for theirs.
type PG struct {
	*Process
	Port int
}

// Postgres starts a PostgreSQL server with its data in dir; existing data is used. Each option is a setting, such as
// "max_connections=10"; the last one wins. The server refuses to run as root. It then runs as user postgres, and dir is made
// accessible for that user.
func Postgres(dir string, options ...string) (*PG, error) {
	server, err := postgres.path()
	if err != nil {
		return nil, err
	}
	initialise, err := initdb.path()
	if err != nil {
		return nil, err
	}
	return startPostgres(dir, server, initialise, options)
}

func startPostgres(dir, server, initialise string, options []string) (*PG, error) {
	as, err := postgresOwner()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(data); err != nil {
		if err := initPostgres(dir, data, initialise, as); err != nil {
			return nil, err
		}
	}
	var p *PG
	err = launch(func(port int) (*Process, error) {
		p = &PG{Port: port}
		p.Process = &Process{spec: spec{
			name: "postgres", dir: dir,
			command: func() []string {
				words := []string{
					server, "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1",
					"-c", "unix_socket_directories=",
					"-c", "fsync=off", "-c", "full_page_writes=off",
					"-c", "shared_buffers=32MB",
				}
				for _, option := range options {
					words = append(words, "-c", option)
				}
				return words
			},
			owner:  as,
			ready:  p.ping,
			stop:   syscall.SIGINT,  // fast shutdown: ends open sessions
			orphan: syscall.SIGQUIT, // immediate shutdown: the postmaster ends its children
		}}
		return p.Process, nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// postgresOwner returns the account that the server runs as; nil for the caller's.
func postgresOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: apt-get install postgresql", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &owner{uint32(uid), uint32(gid)}, nil
}

func initPostgres(dir, data, initialise string, as *owner) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if as != nil {
		if err := openPath(dir); err != nil {
			return err
		}
		if err := os.Chown(data, int(as.uid), int(as.gid)); err != nil {
			return err
		}
	}
	words := []string{initialise, "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust"}
	if !strings.Contains(initialise, "postgres-10"+string(filepath.Separator)) { // which has a fixed size
		words = append(words, "--wal-segsize=4")
	}
	err := run("initdb", as, append(words, "--nosync")...)
	if err == nil {
		err = os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hostRules), 0o600)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(data))
	}
	return nil
}

// hostRules is pg_hba.conf, for connections with and without TLS.
const hostRules = "host all postgres 127.0.0.1/32 trust\n" +
	"host replication postgres 127.0.0.1/32 trust\n" +
	"host all all 127.0.0.1/32 scram-sha-256\n"

// openPath makes dir accessible for other users, and also those folders above it that this process made in the temporary folder:
// testing.T's are closed to others.
func openPath(dir string) error {
	temporary := filepath.Clean(os.TempDir())
	for path := filepath.Clean(dir); ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			if path == temporary || !strings.HasPrefix(path, temporary+string(filepath.Separator)) {
				return fmt.Errorf("user postgres cannot pass through %s: use a folder in %s", path, temporary)
			}
			if err := os.Chmod(path, info.Mode().Perm()|0o011); err != nil {
				return err
			}
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// URL is the URL of a database for the superuser postgres. The database need not exist.
func (p *PG) URL(database string) string { return p.URLAs("postgres", "", database) }

// URLAs is the URL of a database for a user.
func (p *PG) URLAs(user, password, database string) string {
	return databaseURL("postgres", user, password, p.Port, database)
}

// Exec runs statements as superuser in a database, in order and on one connection. A text may have several statements, which are one
// transaction then.
func (p *PG) Exec(database string, statements ...string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.connection(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.PgConn().Exec(ctx, statement).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", shorten(statement), err)
		}
	}
	return nil
}

// Query runs a query as superuser in a database and returns its rows as text, NULL as "NULL".
func (p *PG) Query(database, query string) ([][]string, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.connection(database))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shorten(query), err)
	}
	var all [][]string
	for _, result := range results {
		for _, values := range result.Rows {
			row := make([]string, len(values))
			for i, value := range values {
				row[i] = "NULL"
				if value != nil {
					row[i] = string(value)
				}
			}
			all = append(all, row)
		}
	}
	return all, nil
}

func (p *PG) ping(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.connection("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func (p *PG) connection(database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname='%s' sslmode=disable", p.Port, database)
}
