// Package data generates the databases for tests, the demo and the benchmarks: a Drupal job board whose tables, column
// types, lengths and compressibility are like those of real sites. The same Options always produce the same rows, on
// every engine and with any number of connections.
package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// Dialect is a dialect of SQL.
type Dialect int

// The dialects. MySQL is also MariaDB's.
const (
	MySQL Dialect = iota
	Postgres
)

// Options describe the database.
type Options struct {
	// Seed selects the rows.
	Seed uint64
	// MB is the size of the SQL text in millions of bytes, as mariadb-dump prints it; at least 1.
	MB int
	// View adds the view published_jobs. Trigger adds a trigger on node_field_data whose body is hard to split, because
	// it contains semicolons and quotes.
	View, Trigger bool
	// MyISAM adds the table legacy_import_log, which does not take part in transactions (MySQL only).
	MyISAM bool
	// ForeignKeys adds constraints between four tables.
	ForeignKeys bool
}

// Load fills the empty database at address, mysql://user:password@host:port/name (?socket=PATH instead of
// the host) or postgres://…, over several connections.
func Load(ctx context.Context, address string, o Options) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the address of the database is not a URL")
	}
	switch u.Scheme {
	case "mysql", "mariadb":
		db, err := openMySQL(address)
		if err != nil {
			return err
		}
		defer db.Close()
		return loadMySQL(ctx, db, o)
	case "postgres", "postgresql":
		return loadPostgres(ctx, address, o)
	}
	return fmt.Errorf("unknown scheme %q (mysql or postgres is expected)", u.Scheme)
}

func openMySQL(address string) (*sql.DB, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address of the database is not a URL")
	}
	config := mysql.NewConfig()
	config.User, config.DBName = u.User.Username(), u.Path[min(1, len(u.Path)):]
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr = "tcp", u.Host
	if u.Port() == "" {
		config.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	if socket := u.Query().Get("socket"); socket != "" {
		config.Net, config.Addr = "unix", socket
	}
	config.Params = map[string]string{"foreign_key_checks": "0", "unique_checks": "0", "sql_mode": "''", "time_zone": "'+00:00'"}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// connections is how many connections load at once. More do not help on the few cores of a test machine.
const connections = 3

func loadMySQL(ctx context.Context, db *sql.DB, o Options) error {
	tables := tables(MySQL, o)
	for _, t := range tables {
		if _, err := db.ExecContext(ctx, t.create(MySQL)); err != nil {
			return fmt.Errorf("create %s: %w", t.name, err)
		}
	}
	err := eachBatch(ctx, tables, func(ctx context.Context, work <-chan batch) error {
		conn, err := db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		defer conn.Close()
		m := newMaker(MySQL, o)
		for b := range work {
			if err := insert(ctx, conn, string(m.insert(b))); err != nil {
				return fmt.Errorf("insert into %s: %w", b.table.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, statement := range after(MySQL, tables, o) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("run %.40q: %w", statement, err)
		}
	}
	return nil
}

// insert runs one INSERT. Two INSERTs into neighbouring rows can deadlock: the server then rolls one back, and insert
// runs it again.
func insert(ctx context.Context, conn *sql.Conn, statement string) error {
	const deadlock = 1213
	for {
		_, err := conn.ExecContext(ctx, statement)
		var server *mysql.MySQLError
		if !errors.As(err, &server) || server.Number != deadlock {
			return err
		}
	}
}

func loadPostgres(ctx context.Context, address string, o Options) error {
	first, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer first.Close(context.WithoutCancel(ctx))
	tables := tables(Postgres, o)
	for _, t := range tables {
		if _, err := first.Exec(ctx, t.create(Postgres)); err != nil {
			return fmt.Errorf("create %s: %w", t.name, err)
		}
	}
	err = eachBatch(ctx, tables, func(ctx context.Context, work <-chan batch) error {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		defer conn.Close(context.WithoutCancel(ctx))
		m := newMaker(Postgres, o)
		for b := range work {
			rows := &oneRead{m.copyRows(b)}
			if _, err := conn.PgConn().CopyFrom(ctx, rows, b.table.copyCommand()); err != nil {
				return fmt.Errorf("copy into %s: %w", b.table.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, statement := range after(Postgres, tables, o) {
		if _, err := first.Exec(ctx, statement); err != nil {
			return fmt.Errorf("run %.40q: %w", statement, err)
		}
	}
	return nil
}

// oneRead hands out one slice.
type oneRead struct{ rest []byte }

func (r *oneRead) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// eachBatch passes all batches of all tables, in order, to a few workers.
func eachBatch(ctx context.Context, tables []table, worker func(context.Context, <-chan batch) error) error {
	group, ctx := errgroup.WithContext(ctx)
	work := make(chan batch)
	group.Go(func() error {
		defer close(work)
		for _, t := range tables {
			for b := range t.batches() {
				select {
				case work <- b:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	for range connections {
		group.Go(func() error { return worker(ctx, work) })
	}
	return group.Wait()
}
