// Package source reads the database that dumps are made of: MySQL, MariaDB and PostgreSQL over a few
// connections that share one snapshot, or through their official dump clients, or any command that
// prints SQL, each directly or through SSH.
//
// Staging is only read. Sessions of our own are read-only, and no more than the server can spare;
// passwords reach a client through a pipe or its environment, never through its command line or the disk.
package source

import (
	"context"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// Config says where rows come from. Either URL or Command is set.
type Config struct {
	URL *dburl.URL
	// Command prints SQL on its standard output. It is run by sh -c in Dir or, where SSH is set, by
	// the remote login shell.
	Command string
	Dir     string
	// Password is used where the URL has none.
	Password secret.String
	// SSH is [user@]host[:port], or a name from ~/.ssh/config. The URL's host is then resolved and
	// reached from there. Empty means a direct connection.
	SSH string
	// StructureOnly names tables whose rows stay behind, Exclude those that are left out altogether.
	// A name may hold * and ?; for PostgreSQL it may be schema.table.
	StructureOnly []string
	Exclude       []string
	// Client has the rows of a server read by its official dump client, and not by connections of our own.
	Client bool
	// Threads is how many connections read rows at most; 0 means as many as this machine has use for. The server's
	// own limits may make it fewer.
	Threads int
	// Note is told, in one line, what the user may want to know. Nil means silent.
	Note func(string)
}

// Info describes a source.
type Info struct {
	// Engine is "mariadb", "mysql" or "postgres", and empty for a command.
	Engine string
	// Version is the server's, as it gives it; empty for a command.
	Version string
	// Client is the program that makes the dump, with its version, or "command".
	Client string
	// Tables are the base tables that go into the dump, in the server's order. PostgreSQL's are named
	// schema.table. An empty list means an empty database, or a command, of which nothing is known.
	Tables []Table
	// Views are the views that go into the dump.
	Views []string
	// StructureOnly and Excluded are the tables that the rules matched.
	StructureOnly []string
	Excluded      []string
}

// Table is a base table with the server's own estimates, which may be far off.
type Table struct {
	Name  string
	Rows  int64
	Bytes int64
}

// Source is an open source.
type Source struct {
	server Server
	Tunnel io.Closer // nil where there is none
	info   Info
	note   func(string)
}

// Server is what each kind of source does for Source.
type Server interface {
	// Inspect connects and says what there is, or why it cannot be dumped.
	Inspect(ctx context.Context) (Info, error)
	// Dump starts a dump of what inspect found.
	Dump(ctx context.Context) (*Dump, error)
	// State says what there is, for a later state to be compared with.
	State(ctx context.Context) (State, error)
}

// New inspects a source, which it closes with its tunnel where that fails. The tunnel may be nil.
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

// Info says what Open found, or Dump where it has looked again.
func (s *Source) Info() Info { return s.info }

// Dump starts a dump. It ends when ctx does. A source may be dumped again after a dump was closed.
func (s *Source) Dump(ctx context.Context) (*Dump, error) {
	began, cancel := time.Now(), context.CancelFunc(func() {})
	if s.info.Engine != "" { // what a command holds, nobody knows
		ctx, cancel = withLimit(ctx, began)
	}
	dump, err := s.server.Dump(ctx)
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

// Close ends the SSH connection, and with it whatever still uses it.
func (s *Source) Close() error {
	if s.Tunnel == nil {
		return nil
	}
	return s.Tunnel.Close()
}

// ConnectTimeout bounds how long a server may take to answer the first time; nothing after that has
// a fixed time.
const ConnectTimeout = 20 * time.Second

// ConnectTries is how often a session is asked for until it is one on the server of the others, where a name leads to several.
const ConnectTries = 20
