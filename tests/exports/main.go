// Command exports creates the dumps in its folder dumps: exports from the web pages of phpMyAdmin, Adminer and WordPress,
// and dumps by the dump clients that lack a closing line, all of one small database. In its folder sites it writes the
// databases of WordPress and MediaWiki, which it sets up and fills. Tests read them, so that they do not need any of
// these tools.
//
// It needs Debian's packages phpmyadmin, adminer, wordpress, mediawiki, php-cli, php-mysql, php-pgsql, php-mbstring, php-xml,
// php-intl, mariadb-server and postgresql, and the MySQL of make tools. Run it in the project's root: go run ./tests/exports
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

//go:embed shop.sql
var shopMySQL string

//go:embed shop-postgres.sql
var shopPostgres string

// database is the name of the exported database.
const database = "shop"

func main() {
	m := &maker{}
	flag.StringVar(&m.folder, "folder", filepath.Join("tests", "exports", "dumps"), "where the dumps are written")
	flag.StringVar(&m.sitesFolder, "sites", filepath.Join("tests", "exports", "sites"), "where the databases of the sites are written")
	flag.Parse()
	if err := m.run(); err != nil {
		fmt.Fprintln(os.Stderr, "exports:", err)
		os.Exit(1)
	}
}

// maker creates exports. Its methods write them into its folder.
type maker struct {
	folder, sitesFolder string
	work                string
	mysql               *testserver.MySQL
	postgres            *testserver.PG
}

func (m *maker) run() (err error) {
	work, err := os.MkdirTemp("", "exports-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.Chmod(work, 0o755); err != nil { // PostgreSQL's account needs access to its data
		return err
	}
	m.work = work
	if m.mysql, err = testserver.MariaDB(filepath.Join(work, "mariadb")); err != nil {
		return err
	}
	defer m.mysql.Stop()
	if m.postgres, err = testserver.Postgres(filepath.Join(work, "postgres")); err != nil {
		return err
	}
	defer m.postgres.Stop()
	if err := m.fill(); err != nil {
		return fmt.Errorf("fill the databases: %w", err)
	}
	for _, make := range []func() error{m.phpMyAdmin, m.adminer, m.wordPress, m.clients, m.sites} {
		if err := make(); err != nil {
			return err
		}
	}
	return m.write("VERSIONS", m.versions())
}

// fill loads the exported database into both servers.
func (m *maker) fill() error {
	if err := m.mysql.Exec("CREATE DATABASE " + database); err != nil {
		return err
	}
	if err := client(m.mysql, shopMySQL, database); err != nil {
		return err
	}
	if err := m.postgres.Exec("postgres", "CREATE DATABASE "+database); err != nil {
		return err
	}
	return m.postgres.Exec(database, shopPostgres)
}

// versions returns the versions of the tools that made the exports.
func (m *maker) versions() []byte {
	out, _ := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "phpmyadmin", "adminer", "wordpress", "mediawiki", "php8.2-cli", "mariadb-client", "postgresql-client-15").Output()
	return out
}

func (m *maker) write(name string, content []byte) error {
	fmt.Printf("%s: %d bytes\n", name, len(content))
	return os.WriteFile(filepath.Join(m.folder, name), content, 0o644)
}
