package read

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
	"github.com/jobiqo/dump-refresh/helper/internal/source/dumpclient"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// dumpClient is a pg_dump.
type dumpClient struct {
	path    string
	text    string // its version as it gives it
	version version.Version
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
func findPostgresClient(ctx context.Context, server version.Version, serverText string) (dumpClient, error) {
	var all []dumpClient
	var failed error
	for _, path := range dumpclient.FindPrograms("pg_dump", postgresFolders) {
		text, err := dumpclient.Ask(ctx, path, "--version")
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
	major := strconv.Itoa(server.Major)
	switch {
	case best != nil:
		return *best, nil
	case tooOld != nil:
		return dumpClient{}, &source.ClientTooOldError{
			Client: tooOld.name(), Server: serverText, Debian: "postgresql-client-" + major, Brew: "postgresql@" + major,
		}
	case failed != nil:
		return dumpClient{}, failed
	}
	return dumpClient{}, &source.ClientMissingError{Client: "pg_dump", Debian: "postgresql-client-" + major, Brew: "postgresql@" + major}
}

// choosePostgresClient gives the client that fits best, or else the newest of those that are too old.
func choosePostgresClient(all []dumpClient, server version.Version) (best, tooOld *dumpClient) {
	for i := range all {
		client := &all[i]
		switch {
		case series(client.version).Less(series(server)):
			if tooOld == nil || tooOld.version.Less(client.version) {
				tooOld = client
			}
		case best == nil, series(client.version).Less(series(best.version)),
			series(client.version) == series(best.version) && best.version.Less(client.version):
			best = client
		}
	}
	return best, tooOld
}

// series is the part of a version within which a server and its clients go together: 15 of 15.10,
// but 9.6 of 9.6.24.
func series(v version.Version) version.Version {
	if v.Major >= 10 {
		return version.Version{Major: v.Major}
	}
	return version.Version{Major: v.Major, Minor: v.Minor}
}

var postgresVersion = regexp.MustCompile(`^pg_dump \(PostgreSQL\) (\d[\w.]*)`)

func readPostgresClient(text string) (dumpClient, bool) {
	found := postgresVersion.FindStringSubmatch(text)
	if found == nil {
		return dumpClient{}, false
	}
	v, ok := version.Parse(found[1])
	return dumpClient{text: found[1], version: v}, ok
}

func (c dumpClient) name() string { return "pg_dump " + c.text }

// clientTarget is what one run of pg_dump is to dump, and how to get there.
type clientTarget struct {
	url           dburl.URL
	address       string // where the client connects to, if not to the URL's host
	port          int
	password      string
	options       string // settings of the session; "" for none
	structureOnly []relationName
	excluded      []relationName

	// For a part of a dump.
	snapshot   string   // that others read, too
	sections   []string // all if there is none
	copied     []relationName
	restricted string // the key of the text that goes before, if it has one
}

func (t clientTarget) arguments(client dumpClient) []string {
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
	if client.version.Major >= 10 {
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
func patterns(tables []relationName) []string {
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
func (t clientTarget) environment() []string {
	host, port := t.url.Host, t.url.Port
	env := []string{
		"PGUSER=" + t.url.User,
		"PGDATABASE=" + t.url.Name,
		"PGSSLMODE=" + postgres.SSLMode[t.url.Protection()],
		"PGSSLROOTCERT=" + t.certificates(),
		"PGAPPNAME=dump-helper",
		"PGCONNECT_TIMEOUT=" + strconv.Itoa(int(source.ConnectTimeout.Seconds())),
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
	for _, name := range postgres.CredentialVariables {
		if value, given := os.LookupEnv(name); given && strings.HasPrefix(name, "PGSSL") {
			env = append(env, name+"="+value)
		}
	}
	return dumpclient.ClientEnvironment(env...)
}

// certificates gives the file of the authorities to trust. The client's default is a file of the user's, which makes it check what it is not to
// check; without one it trusts nobody, where our own driver trusts the system's.
func (t clientTarget) certificates() string {
	if t.url.Protection() < dburl.Trusted {
		return "/dev/null/none"
	}
	if file := t.url.Authorities(); file != "" {
		return file
	}
	return dumpclient.SystemCertificates()
}

func (c dumpClient) program(target clientTarget) command.Program {
	return command.Program{
		Name: c.name(),
		Path: c.path,
		Args: target.arguments(c),
		Env:  target.environment(),
		Hide: target.url.Password,
	}
}
