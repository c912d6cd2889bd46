package testserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// MySQL is a running MariaDB or MySQL server. Its user root has no password.
type MySQL struct {
	*Process
	Port   int
	Socket string // path of its Unix socket
}

// MariaDB starts a MariaDB server with its data in dir; existing data is used. Each option is a further flag of mariadbd, such as
// "--max-connections=5"; the last one wins.
func MariaDB(dir string, options ...string) (*MySQL, error) {
	return startMySQL(mariadbd, installMariaDB, dir, mariadbOptions(options))
}

// OldMariaDB is MariaDB for version 10.2, which many sites still have. Its ALTER TABLE and DROP TABLE are not atomic.
func OldMariaDB(dir string, options ...string) (*MySQL, error) {
	return startMySQL(oldMariadbd, installOldMariaDB, dir, mariadbOptions(options))
}

// MariaDB114 is MariaDB for version 11.4, another one that is supported for long.
func MariaDB114(dir string, options ...string) (*MySQL, error) {
	return startMySQL(mariadbd114, installOldMariaDB, dir, mariadbOptions(options))
}

// Mysqld is MariaDB for a MySQL server.
func Mysqld(dir string, options ...string) (*MySQL, error) {
	return startMySQL(mysqld, initializeMySQL, dir, append([]string{"--innodb-redo-log-capacity=64M", "--mysqlx=OFF", "--secure-file-priv="}, options...))
}

// startMySQL starts a server in dir. install makes its data if there is none, with those options that cannot change later.
func startMySQL(p program, install func(server, data, temporary string, options []string) error, dir string, options []string) (*MySQL, error) {
	server, err := p.path()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	// A server removes temporary tables when it starts. In a shared folder these may belong to other servers, which still need
	// them.
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(data); err != nil {
		if err := install(server, data, filepath.Join(dir, "tmp"), ofData(options)); err != nil {
			// The next start would take a half-made folder for a finished one.
			return nil, errors.Join(err, os.RemoveAll(data))
		}
	}
	socket, cleanup, err := socketPath(dir, "mysql.sock")
	if err != nil {
		return nil, err
	}
	var m *MySQL
	err = launch(func(port int) (*Process, error) {
		m = &MySQL{Port: port, Socket: socket}
		m.Process = &Process{spec: spec{
			name: p.name, dir: dir,
			command: func() []string {
				// A stop removes the socket's folder if it was one of our own.
				_ = os.MkdirAll(filepath.Dir(m.Socket), 0o700)
				return append(mysqlArguments(server, dir, data, m.Socket, m.Port), options...)
			},
			ready:   m.ping,
			stop:    syscall.SIGTERM,
			cleanup: cleanup,
		}}
		return m.Process, nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func installMariaDB(_, data, temporary string, options []string) error {
	install, err := mariadbInstallDB.path()
	if err != nil {
		return err
	}
	return run("mariadb-install-db", nil, append(asRoot(install, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
		"--datadir="+data, "--tmpdir="+temporary, "--innodb-log-file-size=16M"), options...)...)
}

func installOldMariaDB(server, data, temporary string, options []string) error {
	root := filepath.Join(filepath.Dir(server), strings.Replace(filepath.Base(server), "mariadbd", "mariadb", 1))
	return run("mysql_install_db", nil, append(asRoot("sh", filepath.Join(root, "scripts", "mysql_install_db"), "--no-defaults",
		"--auth-root-authentication-method=normal", "--skip-name-resolve", "--basedir="+root, "--datadir="+data, "--tmpdir="+temporary), options...)...)
}

func initializeMySQL(server, data, temporary string, options []string) error {
	return run("mysqld --initialize-insecure", nil, append(asRoot(server, "--no-defaults", "--initialize-insecure", "--datadir="+data, "--tmpdir="+temporary), options...)...)
}

// ofData returns the options that a server keeps to from the moment its data is made.
func ofData(options []string) []string {
	return slices.DeleteFunc(slices.Clone(options), func(option string) bool {
		return !strings.HasPrefix(option, "--innodb-page-size=") && !strings.HasPrefix(option, "--lower-case-table-names=")
	})
}

// asRoot lets a server run as root if this process does.
func asRoot(words ...string) []string {
	if os.Geteuid() == 0 {
		words = append(words, "--user=root")
	}
	return words
}

// mariadbOptions puts what only MariaDB knows before the options. It writes a log of each change of a table's definition, and would wait
// for the disk each time, which takes most of the time of a test that makes many tables.
func mariadbOptions(options []string) []string {
	return append([]string{"--innodb-log-file-size=16M", "--aria-pagecache-buffer-size=8M", "--debug-no-sync"}, options...)
}

// mysqlArguments is the command line of a small server that need not survive a loss of power.
func mysqlArguments(server, dir, data, socket string, port int) []string {
	return asRoot(
		server, "--no-defaults",
		"--datadir="+data,
		"--tmpdir="+filepath.Join(dir, "tmp"),
		"--bind-address=127.0.0.1",
		"--port="+strconv.Itoa(port),
		"--socket="+socket,
		"--pid-file="+filepath.Join(dir, "mysqld.pid"),
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_general_ci",
		"--innodb-buffer-pool-size=64M",
		"--innodb-flush-log-at-trx-commit=2",
		"--innodb-flush-method=nosync",
		"--key-buffer-size=1M",
		"--max-allowed-packet=64M",
		"--skip-log-bin",
	)
}

// URL is the URL of a database for root. The database need not exist.
func (m *MySQL) URL(database string) string { return m.URLAs("root", "", database) }

// URLAs is the URL of a database for a user.
func (m *MySQL) URLAs(user, password, database string) string {
	return databaseURL("mysql", user, password, m.Port, database)
}

// Exec runs statements as root, in order and on one connection, so that a USE holds for the later ones. A text may have several
// statements.
func (m *MySQL) Exec(statements ...string) error {
	ctx := context.Background()
	db, err := m.open()
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", shorten(statement), err)
		}
	}
	return nil
}

// Query runs a query as root and returns its rows as text, NULL as "NULL".
func (m *MySQL) Query(query string, arguments ...any) ([][]string, error) {
	db, err := m.open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(context.Background(), query, arguments...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shorten(query), err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var result [][]string
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, value := range values {
			row[i] = "NULL"
			if value.Valid {
				row[i] = value.String
			}
		}
		result = append(result, row)
	}
	return result, rows.Err()
}

// Checksums returns the CHECKSUM TABLE of every base table of a database, by table name.
func (m *MySQL) Checksums(database string) (map[string]string, error) {
	tables, err := m.Query("SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE'", database)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string, len(tables))
	for _, table := range tables {
		rows, err := m.Query("CHECKSUM TABLE " + quoteMySQL(database) + "." + quoteMySQL(table[0]))
		if err != nil {
			return nil, err
		}
		sums[table[0]] = rows[0][1]
	}
	return sums, nil
}

func (m *MySQL) ping(ctx context.Context) error {
	db, err := m.open()
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

func (m *MySQL) open() (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User = "root"
	config.Net, config.Addr = "tcp", fmt.Sprintf("127.0.0.1:%d", m.Port)
	config.MultiStatements = true
	config.InterpolateParams = true
	// The driver would report every try while the server is starting.
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func quoteMySQL(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
