package throwaway

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
)

// postgresEngine is the engine of a Kind whose Version is the major version alone.
const postgresEngine = string(dburl.Postgres)

// postgresPrograms are patterns of folders with the programs of PostgreSQL servers, which packages keep off the PATH: those of Debian, of
// PostgreSQL's own packages for Red Hat, of Homebrew, and of its source.
var postgresPrograms = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/usr/local/pgsql/bin",
}

var postgresVersion = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)([0-9a-z.]*)`)

// postgresProgram is a PostgreSQL server on this machine.
type postgresProgram struct {
	folder, version string
	major           int
}

// findPostgres looks for a server of a major version on this machine, or of the next newer one that there is: those read older dumps. If there
// is none, the reasons say which there are.
func findPostgres(ctx context.Context, kind Kind) (found origin, reasons []string) {
	wanted, err := strconv.Atoi(kind.Version)
	if err != nil {
		return origin{}, []string{"its version is not known"}
	}
	var best *postgresProgram
	for _, p := range postgresServers(ctx) {
		if p.major < wanted {
			reasons = append(reasons, "this machine has postgres "+p.version)
			continue
		}
		if best == nil || p.major < best.major {
			best = &p
		}
	}
	if best == nil {
		return origin{}, append(reasons, "this machine has no PostgreSQL server of version "+kind.Version+" or newer")
	}
	as, err := unprivileged()
	if err != nil {
		return origin{}, []string{err.Error()}
	}
	return origin{
		name: "postgres " + best.version, as: as,
		command: func(folder string) []string {
			return []string{"/bin/sh", "-c", strings.Replace(postgresSupervision, "SERVER", postgresScript(best.folder, folder), 1)}
		},
	}, nil
}

// postgresServers lists the servers of this machine, each folder once.
func postgresServers(ctx context.Context) (all []postgresProgram) {
	folders := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range postgresPrograms {
		matches, _ := filepath.Glob(pattern)
		folders = append(folders, matches...)
	}
	var seen []string
	for _, folder := range folders {
		server, err := exec.LookPath(filepath.Join(folder, "postgres"))
		if err != nil || !filepath.IsAbs(server) || slices.Contains(seen, server) {
			continue
		}
		seen = append(seen, server)
		output, err := exec.CommandContext(ctx, server, "--version").Output()
		match := postgresVersion.FindStringSubmatch(string(output))
		if _, missing := exec.LookPath(filepath.Join(folder, "initdb")); err != nil || match == nil || missing != nil {
			continue
		}
		if major, err := strconv.Atoi(match[1]); err == nil {
			all = append(all, postgresProgram{folder, match[1] + match[2], major})
		}
	}
	return all
}

// account is a user of this machine.
type account struct{ uid, gid uint32 }

// unprivileged returns the account that the server runs as, nil for the caller's: PostgreSQL refuses to run as root.
func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(found.Gid, 10, 32)
		if err == nil && err2 == nil {
			return &account{uint32(uid), uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and this machine has no user postgres")
}

// postgresSupervision is supervision for a server that a signal has to end, because it would leave a segment of shared memory behind, and whose
// processes are no group.
const postgresSupervision = `exec 4<&0
{ SERVER; } 4<&- </dev/null &
server=$!
{
  cat <&4 >/dev/null
  kill -QUIT $server
  n=0; while kill -0 $server && [ $n -lt 50 ]; do n=$((n+1)); sleep 0.1; done
  kill -9 0
} 2>/dev/null &
wait $server
`

// postgresScript prepares the data folder, and becomes the server. The data is not needed after a crash.
func postgresScript(programs, folder string) string {
	data := filepath.Join(folder, dataName)
	initialize := command(quote(filepath.Join(programs, "initdb")), []string{"-D", data, "-U", postgresUser, "-A", "trust", "-E", "UTF8", "--no-sync"})
	words := []string{"-D", data, "-k", folder}
	for _, setting := range []string{
		"listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=1GB",
		"dynamic_shared_memory_type=mmap", // files of the data folder
	} {
		words = append(words, "-c", setting)
	}
	// Not every machine has C.UTF-8.
	return "{ " + initialize + " --locale=C.UTF-8 || " + initialize + " --locale=C; } && exec " + command(quote(filepath.Join(programs, "postgres")), words)
}

// postgresUser is the superuser of throw-away servers.
const postgresUser = "postgres"

// postgresVersionOf connects to the server, and returns its version.
func (s *Server) postgresVersionOf(ctx context.Context) (string, error) {
	config, err := postgres.Config(s.URL("postgres"), "postgres", postgres.Options{})
	if err != nil {
		return "", err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	return conn.PgConn().ParameterStatus("server_version"), nil
}
