package read

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
	"github.com/jobiqo/dump-refresh/helper/internal/source/dumpclient"
)

// dumpClient is a mysqldump or mariadb-dump.
type dumpClient struct {
	path    string
	called  string
	flavour mysql.Flavour // whatever the program is called
	version string
	options map[string]bool // the long options that it knows
}

// clientFolders are folders outside PATH where packages install clients.
var clientFolders = []string{
	"/opt/homebrew/opt/mysql-client*/bin", "/usr/local/opt/mysql-client*/bin",
	"/opt/homebrew/opt/mariadb*/bin", "/usr/local/opt/mariadb*/bin",
	"/usr/local/mysql/bin",
}

// findClient prefers the client of the server's flavour and falls back to the other one. Both speak the same
// protocol, but each knows only the peculiarities of its own server. A program's name says little: MariaDB's client is
// often called mysqldump.
func findClient(ctx context.Context, flavour mysql.Flavour) (dumpClient, error) {
	var other *dumpClient
	var failed error
	for _, name := range []string{"mariadb-dump", "mysqldump"} {
		for _, path := range dumpclient.FindPrograms(name, clientFolders) {
			client, err := askClient(ctx, path, name)
			switch {
			case err != nil:
				failed = err
			case client.flavour == flavour:
				return client, nil
			case other == nil:
				other = &client
			}
		}
	}
	switch {
	case other != nil:
		return *other, nil
	case failed != nil:
		return dumpClient{}, failed
	case flavour == mysql.MySQL:
		return dumpClient{}, &source.ClientMissingError{Client: "mysqldump", Debian: "default-mysql-client", Brew: "mysql-client"}
	}
	return dumpClient{}, &source.ClientMissingError{Client: "mariadb-dump", Debian: "mariadb-client", Brew: "mariadb"}
}

func askClient(ctx context.Context, path, name string) (dumpClient, error) {
	text, err := dumpclient.Ask(ctx, path, "--no-defaults", "--version")
	if err != nil {
		return dumpClient{}, err
	}
	help, err := dumpclient.Ask(ctx, path, "--no-defaults", "--help")
	if err != nil {
		return dumpClient{}, err
	}
	client := readClient(text, help)
	client.path, client.called = path, name
	return client, nil
}

var (
	mariadbVersion = regexp.MustCompile(`(\d+\.\d+\.\d+)-MariaDB`)
	distribVersion = regexp.MustCompile(`Distrib (\d+\.\d+\.\d+)`)
	mysqlVersion   = regexp.MustCompile(`Ver (\d+\.\d+\.\d+)`)
	longOption     = regexp.MustCompile(`(?m)^  (?:-., )?--([a-z0-9][a-z0-9-]*)`)
)

// readClient reads what a client prints for --version and --help. Which options a client has depends on its
// flavour, its version and what distributions have backported, so the client itself is asked.
func readClient(text, help string) dumpClient {
	client := dumpClient{flavour: mysql.FlavourOfProgram(text), options: map[string]bool{}}
	for _, form := range []*regexp.Regexp{mariadbVersion, distribVersion, mysqlVersion} {
		if found := form.FindStringSubmatch(text); found != nil {
			client.version = found[1]
			break
		}
	}
	for _, found := range longOption.FindAllStringSubmatch(help, -1) {
		client.options[found[1]] = true
	}
	return client
}

func (c dumpClient) knows(option string) bool { return c.options[option] }

func (c dumpClient) name() string { return c.called + " " + c.version }

// clientTarget is what one run of the client dumps, and how it connects.
type clientTarget struct {
	url           dburl.URL
	host          string // where the client connects to, if not to the URL's host
	port          int
	tls           bool
	events        bool
	serverFlavour mysql.Flavour
	settings      string // the statement that makes them, for clients that accept one
	excluded      []string
	structureOnly []string
}

// arguments returns the command line for everything but the excluded tables.
func (t clientTarget) arguments(client dumpClient) []string {
	args := append(t.common(client), "--routines")
	if t.events {
		args = append(args, "--events")
	}
	for _, table := range t.excluded {
		args = append(args, "--ignore-table="+t.url.Name+"."+table)
	}
	for _, table := range t.structureOnly {
		args = append(args, "--ignore-table-data="+t.url.Name+"."+table)
	}
	return append(args, "--", t.url.Name)
}

// structureArguments returns the command line for the structure of the given tables alone.
func (t clientTarget) structureArguments(client dumpClient, tables []string) []string {
	args := append(t.common(client), "--no-data", "--", t.url.Name)
	return append(args, tables...)
}

func (t clientTarget) common(client dumpClient) []string {
	args := []string{
		"--defaults-file=/dev/fd/3", // only our file: the user's own [mysqldump] section could leave out rows
		"--single-transaction",      // one snapshot; needs no LOCK TABLES
		"--quick",                   // one row at a time, not a whole table in memory
		"--skip-lock-tables",
		"--triggers",
		"--default-character-set=utf8mb4",
		"--max-allowed-packet=1G",
		"--skip-no-autocommit", // loads faster than one transaction per table
	}
	// These options make clients that do not know them fail.
	if client.knows("no-tablespaces") {
		args = append(args, "--no-tablespaces") // otherwise it needs PROCESS
	}
	if client.knows("column-statistics") {
		args = append(args, "--column-statistics=0") // unknown to servers before 8.0
	}
	if client.knows("set-gtid-purged") {
		args = append(args, "--set-gtid-purged=OFF") // this is the state of a server, not of the database
	}
	if client.knows("network-timeout") {
		args = append(args, "--network-timeout") // a slow upload must not look like a dead client
	}
	if client.knows(initCommand) {
		args = append(args, "--"+initCommand+"="+t.settings)
	}
	return append(args, append(t.address(), t.protection(client)...)...)
}

// initCommand is an option of newer clients: a statement that they send first.
const initCommand = "init-command"

// clientSettings are settings of servers that dump clients obey without saying so, and that change what is dumped. Each
// has the value at which it does no harm.
var clientSettings = map[string]string{
	"sql_select_limit":                                 "18446744073709551615", // rows would be left out
	"system_versioning_asof":                           "DEFAULT",              // rows of another day would be dumped
	"show_gipk_in_create_table_and_information_schema": "1",                    // a column would be left out
}

// checkClientSettings fails with *SettingError if the server has such a setting and the dump client cannot be told
// another one.
func (m *Server) checkClientSettings(ctx context.Context, conn *sql.Conn) error {
	for _, name := range slices.Sorted(maps.Keys(clientSettings)) {
		var value string
		err := conn.QueryRowContext(ctx, "SELECT @@GLOBAL."+name).Scan(&value)
		var server *driver.MySQLError
		switch {
		case errors.As(err, &server): // the server has no such setting
		case err != nil:
			return err
		case value != clientSettings[name]:
			return &source.SettingError{Name: name, Value: value, Client: true}
		}
	}
	return nil
}

func (t clientTarget) address() []string {
	if t.host == "" && t.url.IsSocket() {
		return []string{"--protocol=socket", "--socket=" + t.url.Host}
	}
	host, port := t.url.Host, t.url.Port
	if t.host != "" {
		host, port = t.host, t.port
	}
	// Without this option, "localhost" would mean a socket.
	return []string{"--protocol=tcp", "--host=" + host, "--port=" + strconv.Itoa(port)}
}

// protection returns the options for TLS. Where TLS is optional, the client does what our own connection did: by default
// newer clients of MariaDB insist on TLS, and older ones do without.
func (t clientTarget) protection(client dumpClient) []string {
	if t.url.IsSocket() {
		return nil
	}
	ca := t.url.Authorities()
	if ca == "" {
		ca = dumpclient.SystemCertificates()
	}
	modern := client.knows("ssl-mode") // MySQL since 5.7.11
	protection := t.url.Protection()
	if modern {
		switch {
		case !t.tls && client.knows("get-server-public-key"):
			return []string{"--ssl-mode=DISABLED", "--get-server-public-key"} // caching_sha2_password without TLS
		case !t.tls:
			return []string{"--ssl-mode=DISABLED"}
		case protection == dburl.Verified:
			return []string{"--ssl-mode=VERIFY_IDENTITY", "--ssl-ca=" + ca}
		case protection == dburl.Trusted:
			return []string{"--ssl-mode=VERIFY_CA", "--ssl-ca=" + ca}
		}
		return []string{"--ssl-mode=REQUIRED"}
	}
	switch {
	case !t.tls:
		return []string{"--skip-ssl"}
	case protection == dburl.Verified:
		return []string{"--ssl", "--ssl-verify-server-cert", "--ssl-ca=" + ca}
	case protection == dburl.Trusted:
		return []string{"--ssl", "--skip-ssl-verify-server-cert", "--ssl-ca=" + ca}
	}
	return []string{"--ssl", "--skip-ssl-verify-server-cert"}
}

// program returns a run of the client. The client reads user and password from a pipe, so that they are never on disk,
// on a command line or in an environment.
func (c dumpClient) program(args []string, target clientTarget) command.Program {
	options := fmt.Sprintf("[client]\nuser=%s\npassword=%s\n",
		quoteOption(target.url.User), quoteOption(target.url.Password.Reveal()))
	return command.Program{
		Name: c.name(),
		Path: c.path,
		Args: args,
		// MySQL's clients still read the login file of mysql_config_editor, and it would take precedence.
		Env:   dumpclient.ClientEnvironment("MYSQL_TEST_LOGIN_FILE=/dev/null/none"),
		Given: []byte(options),
		Hide:  target.url.Password,
		// Between the tables, the client does not report the failure of some of its statements.
		Silent: source.ErrConnectionLost,
	}
}

// quoteOption writes a value for an option file.
func quoteOption(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(value) + `"`
}
