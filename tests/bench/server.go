package main

import (
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// server is a database server of any kind.
type server interface {
	URL(database string) string
	PID() int
	Kill()
	// Checksums returns a checksum for each table of a database.
	Checksums(database string) (map[string]string, error)
	// clientOptions are the options by which all client programs of this kind find the server.
	clientOptions() string
	// createDatabase creates an empty database.
	createDatabase(name string) error
	// dropDatabases drops all databases.
	dropDatabases() error
}

type mariadb struct{ *testserver.MySQL }

func (m mariadb) clientOptions() string {
	return fmt.Sprintf("--host=127.0.0.1 --port=%d --user=root", m.Port)
}

// kind is the engine and the series, as `dump-helper bake` takes them.
func (m mariadb) kind() (string, error) {
	rows, err := m.Query("SELECT SUBSTRING_INDEX(VERSION(), '.', 2)")
	if err != nil {
		return "", err
	}
	return "mariadb:" + rows[0][0], nil
}

func (m mariadb) createDatabase(name string) error { return m.Exec("CREATE DATABASE `" + name + "`") }

func (m mariadb) dropDatabases() error {
	databases, err := m.Query("SHOW DATABASES")
	if err != nil {
		return err
	}
	for _, row := range databases {
		if slices.Contains([]string{"mysql", "information_schema", "performance_schema", "sys"}, row[0]) {
			continue
		}
		if err := m.Exec("DROP DATABASE `" + row[0] + "`"); err != nil {
			return err
		}
	}
	return nil
}

type postgres struct{ *testserver.PG }

func (p postgres) clientOptions() string {
	return fmt.Sprintf("--host=127.0.0.1 --port=%d --username=postgres", p.Port)
}

func (p postgres) createDatabase(name string) error {
	return p.Exec("postgres", `CREATE DATABASE "`+name+`"`)
}

func (p postgres) dropDatabases() error {
	databases, err := p.Query("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")
	if err != nil {
		return err
	}
	for _, row := range databases {
		if err := p.Exec("postgres", `DROP DATABASE "`+row[0]+`" WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}

// Checksums returns the number of rows and a sum over all of them that does not depend on their order.
func (p postgres) Checksums(database string) (map[string]string, error) {
	tables, err := p.Query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string, len(tables))
	for _, table := range tables {
		rows, err := p.Query(database, `SELECT count(*) || ' rows, ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM public."`+table[0]+`" t`)
		if err != nil {
			return nil, err
		}
		sums[table[0]] = rows[0][0]
	}
	return sums, nil
}
