package read

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/command"
	"github.com/jobiqo/dump-refresh/helper/internal/source/dumpclient"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// dumpClient is a pg_dump program.
type dumpClient struct {
	path    string
	text    string // its version in its own words
	version version.Version
}

// clientFolders are folders where packages install clients of several versions side by side.
var clientFolders = []string{
	"/usr/lib/postgresql/*/bin", "/usr/libexec/postgresql*", "/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/opt/libpq/bin",
	"/usr/local/opt/postgresql@*/bin", "/usr/local/opt/libpq/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// findClient picks the pg_dump of the server's own major version, or else the nearest newer one. pg_dump refuses newer
// servers, and what a much newer pg_dump writes may contain settings that a database of the server's version does not
// know.
func findClient(ctx context.Context, server version.Version, serverText string) (dumpClient, error) {
	var all []dumpClient
	var failed error
	for _, path := range dumpclient.FindPrograms("pg_dump", clientFolders) {
		text, err := dumpclient.Ask(ctx, path, "--version")
		if err != nil {
			failed = err
			continue
		}
		if client, ok := readClient(text); ok {
			client.path = path
			all = append(all, client)
		}
	}
	best, tooOld := chooseClient(all, server)
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

// chooseClient returns the client that fits best, or else the newest of those that are too old.
func chooseClient(all []dumpClient, server version.Version) (best, tooOld *dumpClient) {
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

// series is the part of a version that a server and its clients must share: 15 of 15.10, but 9.6 of 9.6.24.
func series(v version.Version) version.Version {
	if v.Major >= 10 {
		return version.Version{Major: v.Major}
	}
	return version.Version{Major: v.Major, Minor: v.Minor}
}

var clientVersion = regexp.MustCompile(`^pg_dump \(PostgreSQL\) (\d[\w.]*)`)

func readClient(text string) (dumpClient, bool) {
	found := clientVersion.FindStringSubmatch(text)
	if found == nil {
		return dumpClient{}, false
	}
	v, ok := version.Parse(found[1])
	return dumpClient{text: found[1], version: v}, ok
}

func (c dumpClient) name() string { return "pg_dump " + c.text }

// clientTarget is what one run of pg_dump dumps, and how it connects.
type clientTarget struct {
	url           dburl.URL
	address       string // where the client connects to, if not to the URL's host
	port          int
	password      string
	options       string // settings of the session; "" for none
	encoding      string // of the dump
	structureOnly []relationName
	excluded      []relationName
	withoutLarge  bool // without large objects

	// These are for a part of a dump.
	snapshot   string   // that other connections read, too
	sections   []string // empty means all
	bare       bool     // definitions alone
	copied     []relationName
	restricted string // the key of the text before, if it has one
	archive    bool   // an archive for pg_restore, and no text
}

func (t clientTarget) arguments(client dumpClient) []string {
	args := append([]string{
		"--format=plain",
		"--encoding=" + t.encoding,
		"--no-password", // never ask
		fmt.Sprintf("--lock-wait-timeout=%d", lockTimeout),
	}, client.leavesOut()...)
	if t.archive {
		args[0] = "--format=custom"
		args = append(args, "--compress=0")
	}
	for _, table := range t.excluded {
		args = append(args, "--exclude-table="+table.pattern())
	}
	for _, pattern := range patterns(slices.Concat(t.structureOnly, t.copied)) {
		args = append(args, "--exclude-table-data="+pattern)
	}
	if t.withoutLarge {
		args = append(args, "--no-blobs")
	}
	if t.snapshot != "" {
		args = append(args, "--snapshot="+t.snapshot)
	}
	if t.bare {
		args = append(args, "--schema-only")
	}
	for _, section := range t.sections {
		args = append(args, "--section="+section)
	}
	if t.restricted != "" {
		args = append(args, "--restrict-key="+t.restricted)
	}
	return args
}

// leavesOut are the options, of pg_dump and of pg_restore, for what is not in a dump.
func (c dumpClient) leavesOut() []string {
	args := []string{
		"--no-owner",      // the roles of staging rarely exist where the dump is restored,
		"--no-privileges", // nor do the roles that privileges are granted to,
		"--no-tablespaces",
		"--no-security-labels", // nor the providers of labels
	}
	if c.version.Major >= 10 {
		// A copy of the database must not start to replicate.
		args = append(args, "--no-publications", "--no-subscriptions")
	}
	return args
}

// restore is the pg_restore that belongs to pg_dump; "" if there is none.
func (c dumpClient) restore() string {
	path := filepath.Join(filepath.Dir(c.path), "pg_restore")
	if found, err := exec.LookPath(path); err == nil {
		return found
	}
	return ""
}

// restoring makes the text of a section of an archive.
func (c dumpClient) restoring(archive []byte, restricted, section string) command.Program {
	args := append([]string{"--section=" + section}, c.leavesOut()...)
	if c.version.Major >= 12 { // older ones write to standard output by themselves
		args = append(args, "--file=-")
	}
	if restricted != "" {
		args = append(args, "--restrict-key="+restricted)
	}
	return command.Program{
		Name: "pg_restore " + c.text, Path: c.restore(), Args: args, Env: dumpclient.ClientEnvironment(), Input: archive,
	}
}

// mostPatterns is how many patterns pg_dump gets. It runs a query for each, which takes a third of a millisecond for a single name. For
// one with a thousand names it takes longer than for a thousand patterns.
const mostPatterns = 10_000

// patterns names tables by pg_dump's patterns.
func patterns(tables []relationName) []string {
	if len(tables) <= mostPatterns {
		var all []string
		for _, table := range tables {
			all = append(all, table.pattern())
		}
		return all
	}
	const longest = 64 << 10 // half of what Linux allows for an argument
	var all []string
	for i := 0; i < len(tables); {
		schema, names := tables[i].schema, []string(nil)
		for length := 0; i < len(tables) && tables[i].schema == schema && length < longest; i++ {
			name := postgres.QuoteIdentifier(tables[i].name)
			names = append(names, name)
			length += len(name) + 1
		}
		all = append(all, postgres.QuoteIdentifier(schema)+".("+strings.Join(names, "|")+")")
	}
	return all
}

// environment says how to connect. It names the database, because on the command line a name such as "a=b" would be
// read as a connection string. It holds the password, because only the owner of the child can see it there.
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
		// The certificate is checked against the host's name, through a tunnel as well.
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

// certificates returns the file of the authorities to trust. By default the client uses a file of the user's, whose
// presence alone makes it check certificates. Without that file it trusts nobody, where our own driver trusts the
// system's authorities.
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
