package testserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

var pgbouncer = program{"pgbouncer", "apt-get install pgbouncer", nil}

// Bouncer is a running PgBouncer before a PostgreSQL server.
type Bouncer struct {
	*Process
	Port int
}

// PgBouncer starts PgBouncer before a server. The user site has a password that the server knows, too. Each setting is one of the
// configuration file's, such as "pool_mode = transaction"; the last one wins.
func PgBouncer(dir string, server *PG, user, password string, settings ...string) (*Bouncer, error) {
	path, err := pgbouncer.path()
	if err != nil {
		return nil, err
	}
	as, err := postgresOwner()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if as != nil { // it refuses to run as root, too
		if err := openPath(dir); err != nil {
			return nil, err
		}
	}
	users := filepath.Join(dir, "users.txt")
	if err := os.WriteFile(users, []byte(fmt.Sprintf("%q %q\n", user, password)), 0o644); err != nil {
		return nil, err
	}
	var b *Bouncer
	err = launch(func(port int) (*Process, error) {
		b = &Bouncer{Port: port}
		file := filepath.Join(dir, "pgbouncer.ini")
		lines := append([]string{
			"[databases]", fmt.Sprintf("* = host=127.0.0.1 port=%d", server.Port), "[pgbouncer]",
			"listen_addr = 127.0.0.1", fmt.Sprintf("listen_port = %d", port), "unix_socket_dir =",
			"auth_type = plain", "auth_file = " + users,
		}, settings...)
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return nil, err
		}
		b.Process = &Process{spec: spec{
			name: "pgbouncer", dir: dir, command: func() []string { return []string{path, file} }, owner: as,
			ready: func(ctx context.Context) error {
				conn, err := pgx.Connect(ctx, b.URL(user, password, "postgres")+"?sslmode=disable")
				if err != nil {
					return err
				}
				return conn.Close(ctx)
			},
			stop: syscall.SIGTERM, orphan: syscall.SIGTERM,
		}}
		return b.Process, nil
	})
	return b, err
}

// URL is the URL of a database for a user.
func (b *Bouncer) URL(user, password, database string) string {
	return databaseURL("postgres", user, password, b.Port, database)
}
