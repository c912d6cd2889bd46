package staging

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
)

// postgresClient is a pg_dump.
type postgresClient struct {
	path    string
	text    string // its version as it gives it
	version version
}

// postgresFolders is where packages put the clients of several versions side by side.
var postgresFolders = []string{
	"/usr/lib/postgresql/*/bin", "/usr/libexec/postgresql*", "/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/opt/libpq/bin",
	"/usr/local/opt/postgresql@*/bin", "/usr/local/opt/libpq/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// findPostgresClient takes the pg_dump of the server's own major version, or else the nearest newer
// one: pg_dump refuses newer servers, and what a much newer one writes may hold settings that a
// database of the server's version does not know.
func findPostgresClient(ctx context.Context, server version, serverText string) (postgresClient, error) {
	var all []postgresClient
	var failed error
	for _, path := range findPrograms("pg_dump", postgresFolders) {
		text, err := ask(ctx, path, "--version")
		if err != nil {
			failed = err
			continue
		}
		if client, ok := readPostgresClient(text); ok {
			client.path = path
			all = append(all, client)
		}
	}
	best, tooOld := choosePostgresClient(all, server)
	major := strconv.Itoa(server.major)
	switch {
	case best != nil:
		return *best, nil
	case tooOld != nil:
		return postgresClient{}, &ClientTooOldError{
			Client: tooOld.name(), Server: serverText, Debian: "postgresql-client-" + major, Brew: "postgresql@" + major,
		}
	case failed != nil:
		return postgresClient{}, failed
	}
	return postgresClient{}, &ClientMissingError{Client: "pg_dump", Debian: "postgresql-client-" + major, Brew: "postgresql@" + major}
}

// choosePostgresClient gives the client that fits best, or else the newest of those that are too old.
func choosePostgresClient(all []postgresClient, server version) (best, tooOld *postgresClient) {
	for i := range all {
		client := &all[i]
		switch {
		case series(client.version).less(series(server)):
			if tooOld == nil || tooOld.version.less(client.version) {
				tooOld = client
			}
		case best == nil, series(client.version).less(series(best.version)),
			series(client.version) == series(best.version) && best.version.less(client.version):
			best = client
		}
	}
	return best, tooOld
}

// series is the part of a version within which a server and its clients go together: 15 of 15.10,
// but 9.6 of 9.6.24.
func series(v version) version {
	if v.major >= 10 {
		return version{major: v.major}
	}
	return version{major: v.major, minor: v.minor}
}

// versionOfNumber reads server_version_num: 150010 is 15.10, 90624 is 9.6.24.
func versionOfNumber(n int) version {
	if n >= 100000 {
		return version{major: n / 10000, minor: n % 10000}
	}
	return version{major: n / 10000, minor: n / 100 % 100, patch: n % 100}
}

var postgresVersion = regexp.MustCompile(`^pg_dump \(PostgreSQL\) (\d[\w.]*)`)

func readPostgresClient(text string) (postgresClient, bool) {
	found := postgresVersion.FindStringSubmatch(text)
	if found == nil {
		return postgresClient{}, false
	}
	v, ok := parseVersion(found[1])
	return postgresClient{text: found[1], version: v}, ok
}

func (c postgresClient) name() string { return "pg_dump " + c.text }

// postgresTarget is what one run of pg_dump is to dump, and how to get there.
type postgresTarget struct {
	url           dburl.URL
	address       string // where the client connects to, if not to the URL's host
	port          int
	password      string
	options       string // settings of the session; "" for none
	structureOnly []postgresName
	excluded      []postgresName

	// For a part of a dump.
	snapshot   string   // that others read, too
	sections   []string // all if there is none
	copied     []postgresName
	restricted string // the key of the text that goes before, if it has one
}

func (t postgresTarget) arguments(client postgresClient) []string {
	args := []string{
		"--format=plain",
		"--encoding=UTF8",
		"--no-owner",      // the roles of staging rarely exist where the dump goes,
		"--no-privileges", // nor do those that it grants to,
		"--no-tablespaces",
		"--no-security-labels", // nor their providers
		"--no-password",        // never ask
		fmt.Sprintf("--lock-wait-timeout=%d", postgresLockTimeout),
	}
	if client.version.major >= 10 {
		// A copy of the database must not start to replicate.
		args = append(args, "--no-publications", "--no-subscriptions")
	}
	for _, table := range t.excluded {
		args = append(args, "--exclude-table="+table.pattern())
	}
	for _, pattern := range patterns(slices.Concat(t.structureOnly, t.copied)) {
		args = append(args, "--exclude-table-data="+pattern)
	}
	if t.snapshot != "" {
		args = append(args, "--snapshot="+t.snapshot)
	}
	for _, section := range t.sections {
		args = append(args, "--section="+section)
	}
	if t.restricted != "" {
		args = append(args, "--restrict-key="+t.restricted)
	}
	return args
}

// patterns names tables in a few patterns of pg_dump's: for each of them it runs a query.
func patterns(tables []postgresName) []string {
	const longest = 64 << 10 // half of what Linux allows for an argument
	var all []string
	for i := 0; i < len(tables); {
		schema, names := tables[i].schema, []string(nil)
		for length := 0; i < len(tables) && tables[i].schema == schema && length < longest; i++ {
			name := pgx.Identifier{tables[i].name}.Sanitize()
			names = append(names, name)
			length += len(name) + 1
		}
		all = append(all, pgx.Identifier{schema}.Sanitize()+".("+strings.Join(names, "|")+")")
	}
	return all
}

// environment says how to connect. The database is named here, since on the command line a name
// such as "a=b" would be read as a connection string; the password, so that only the child's owner
// can see it.
func (t postgresTarget) environment() []string {
	host, port := t.url.Host, t.url.Port
	env := []string{
		"PGUSER=" + t.url.User,
		"PGDATABASE=" + t.url.Name,
		"PGSSLMODE=" + postgresTLS[t.url.TLS],
		"PGAPPNAME=dump-helper",
		"PGCONNECT_TIMEOUT=" + strconv.Itoa(int(connectTimeout.Seconds())),
	}
	if t.address != "" {
		// The certificate is checked against the host's name, however it is reached.
		port = t.port
		if t.url.IsSocket() {
			host = "localhost"
		}
		env = append(env, "PGHOSTADDR="+t.address)
	}
	env = append(env, "PGHOST="+host, "PGPORT="+strconv.Itoa(port))
	if t.password != "" {
		env = append(env, "PGPASSWORD="+t.password)
	}
	if t.options != "" {
		env = append(env, "PGOPTIONS="+t.options)
	}
	if t.url.TLS == dburl.TLSVerify {
		if ca := t.certificates(); ca != "" {
			env = append(env, "PGSSLROOTCERT="+ca)
		}
	}
	return clientEnvironment(env...)
}

// certificates gives the file of the authorities to trust. The client's default is a file of the
// user's; without that it trusts none, where our own driver trusts the system's.
func (t postgresTarget) certificates() string {
	if t.url.CA != "" {
		return t.url.CA
	}
	if home, err := os.UserHomeDir(); err == nil {
		if _, err := os.Stat(filepath.Join(home, ".postgresql", "root.crt")); err == nil {
			return ""
		}
	}
	return systemCertificates()
}

func (c postgresClient) program(target postgresTarget) program {
	return program{
		name: c.name(),
		path: c.path,
		args: target.arguments(c),
		env:  target.environment(),
		hide: target.url.Password,
	}
}
