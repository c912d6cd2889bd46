// Package source defines what a dump is made from: a MySQL, MariaDB or PostgreSQL server that is read over a few
// connections sharing one snapshot, or by its official dump client, or any command that prints SQL. Each is reached
// directly or through SSH.
//
// Staging is only read. Our own sessions are read-only, and there are no more of them than the server can spare.
// Passwords reach a client through a pipe or its environment, never through its command line or the disk.
package source

import (
	"context"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/leak"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/rowfilter"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// DefaultCommandSilence is long, because nobody can be asked what a command does. It may make a backup elsewhere before it prints a byte.
const DefaultCommandSilence = 30 * time.Minute

// Config says where rows come from. Either URL or Command is set.
type Config struct {
	URL *dburl.URL
	// Command prints SQL on its standard output. It is run by sh -c in Dir or, where SSH is set, by
	// the remote login shell.
	Command string
	Dir     string
	// Environment is what the command finds in its environment, as NAME=value; nil stands for what every program needs. A remote command
	// gets what its shell gives it.
	Environment []string
	// CommandSilence is how long the command may print nothing while its output is waited for; 0 stands for DefaultCommandSilence.
	CommandSilence time.Duration
	// Password is used where the URL has none.
	Password secret.String
	// SSH is [user@]host[:port], or a name from ~/.ssh/config. The SSH host then resolves the URL's host and connects to
	// it. Empty means a direct connection.
	SSH string
	// StructureOnly names tables that are dumped without rows, Exclude tables that are not dumped at all. A name may
	// contain * and ?; for PostgreSQL it may be schema.table.
	StructureOnly []string
	Exclude       []string
	// Rows say which rows of a table are dumped. Where no server can apply them, there is no dump.
	Rows []rowfilter.Rule
	// Masks are the rules for columns. Where they cannot be applied to every row, there is no dump.
	Masks rules.Rules
	// Leaks gets a sample of what is masked, before the first row; nil stands for no search.
	Leaks *leak.Check
	// Client selects the official dump client instead of our own connections.
	Client bool
	// Threads is the largest number of connections that read rows; 0 means as many as this machine can use. The
	// server's own limits may lower it.
	Threads int
	// SkipBroken leaves out what nobody can read, such as a view of a table that was dropped.
	SkipBroken bool
	// Note receives one-line messages for the user. Nil discards them.
	Note func(string)
}

// Info describes a source.
type Info struct {
	// Engine is "mariadb", "mysql" or "postgres", and empty for a command.
	Engine string
	// Version is the server's version as it reports it; empty for a command.
	Version string
	// Server is what the server says about itself, and stays the same whatever its address is; empty if it is not known.
	Server string
	// Client is the program that makes the dump, with its version, or "command".
	Client string
	// Tables are the base tables that go into the dump, in the server's order. PostgreSQL's are named schema.table.
	// The list is empty for an empty database and for a command.
	Tables []Table
	// Views are the views that go into the dump.
	Views []string
	// StructureOnly and Excluded are the tables that matched the rules of Config.
	StructureOnly []string
	Excluded      []string
	// Filtered are the tables of which the rules leave out rows.
	Filtered []string
	// Broken are the objects that were left out because nobody can read them, with the reason.
	Broken []string
	// LeftOut is what belongs to the server rather than to the database, such as ways to other servers, and is not in the dump.
	LeftOut []string
	// Needs is what the dump needs of a server and its text does not tell.
	Needs *dump.Needs
	// Masked are the columns that are masked, as table.column: masker.
	Masked []string
	// Others says that there are routines or events, which may be all that there is.
	Others bool
}

// Quarantined begins the note about tables of which nobody has classified any column, see rules.Privacy.
const Quarantined = "tables in quarantine, and published without rows, since nobody has classified their columns: "

// Table is a base table with the server's own estimates, which may be far off.
type Table struct {
	Name  string
	Rows  int64
	Bytes int64
}

// Source is an open source.
type Source struct {
	server Server
	Tunnel io.Closer // nil for a direct connection
	info   Info
	note   func(string)
}

// Server is implemented by each kind of source.
type Server interface {
	// Inspect connects and returns what there is to dump, or why it cannot be dumped.
	Inspect(ctx context.Context) (Info, error)
	// Dump starts a dump of what Inspect found.
	Dump(ctx context.Context) (*Dump, error)
	// State returns the state of the source, to be compared with a later one.
	State(ctx context.Context) (State, error)
}

// New inspects a source. If that fails, New closes the tunnel, which may be nil.
func New(ctx context.Context, note func(string), server Server, tunnel io.Closer) (*Source, error) {
	s := &Source{server: server, Tunnel: tunnel, note: note}
	info, err := server.Inspect(ctx)
	if err != nil {
		_ = s.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	s.info = info
	return s, nil
}

// Info returns what New found, or Dump if it inspected the source again.
func (s *Source) Info() Info { return s.info }

// Dump starts a dump, which ctx can cancel. Once the dump is closed, the source can be dumped again.
func (s *Source) Dump(ctx context.Context) (*Dump, error) { return s.dump(ctx, s.server.Dump) }

func (s *Source) dump(ctx context.Context, start func(context.Context) (*Dump, error)) (*Dump, error) {
	began, cancel := time.Now(), context.CancelFunc(func() {})
	if s.info.Engine != "" { // a command may not hold a snapshot at all
		ctx, cancel = withLimit(ctx, began)
	}
	dump, err := start(ctx)
	if err != nil {
		defer cancel()
		if ended := endOf(ctx); ended != nil {
			return nil, ended
		}
		return nil, err
	}
	if dump.Info != nil {
		s.info = *dump.Info
	}
	dump.began, dump.Closers = began, append(dump.Closers, Closing(cancel))
	if s.info.Engine != "" {
		dump.note = s.note
	}
	return dump, nil
}

// Close closes the SSH connection and everything that still uses it.
func (s *Source) Close() error {
	if s.Tunnel == nil {
		return nil
	}
	return s.Tunnel.Close()
}

// ConnectTimeout limits how long a server may take to accept a connection. Nothing after that has a fixed time limit.
const ConnectTimeout = 20 * time.Second

// ConnectTries is how many connections to try until one leads to the same server as the others, for names that lead to
// several servers.
const ConnectTries = 20
