// Package target describes the database that a pull replaces. An engine loads a dump into a scratch database beside
// the live one, compares it with what the dump says, swaps the two in one step, and keeps the old database so that
// the swap can be undone. Engines speak the servers' protocols themselves and need no client program.
//
// Every engine follows one rule. Until the one statement (MySQL) or transaction (PostgreSQL) of the swap, nothing of
// the live database is lost. From then on, every remaining step can be repeated. After a crash, even after kill -9,
// the next run learns from the server alone how far the last one got, and finishes it.
//
// These databases lie beside a live database X: X__dump_incoming is being loaded, X__dump_previous is what undo
// brings back, X__dump_older_1 and so on were replaced before that, and X__dump_spare is garbage that a swap leaves.
package target

import (
	"context"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Config says which database is to be replaced, and how.
type Config struct {
	URL dburl.URL
	// Threads is the maximum number of connections that load rows; 0 means as many as this machine can use.
	Threads int
	// InOrder loads the chunks of each table of a MySQL or MariaDB dump one after the other, over one connection. The
	// table's file is then smaller and read faster, but large tables may take longer to load.
	InOrder bool
	// Part is what a pull replaces.
	Part Part
	// Keep is how many earlier databases remain after a swap, including the one that it replaces; 0 means 1.
	Keep int
	// KeepChanged also keeps the earlier databases that were changed after their pull, or may have been.
	KeepChanged bool
	// Strict fails instead of leaving out or replacing what the server does not take as it is in the dump.
	Strict bool
	// Token is stored with the provenance that a swap, an undo or a mark writes, and Choice with that of a swap. A
	// caller that remembers the token can tell later whether the server's files were replaced by older ones. Without
	// a token, a swap takes no fingerprint, and Changes cannot tell.
	Token  string
	Choice Choice
	// WithoutRows reports whether the rows of a table do not count as the user's, because dumps leave them out. It is
	// called for incoming tables, and for tables that no pull has loaded; nil means that all rows count. Tables of
	// PostgreSQL have their schema in front.
	WithoutRows func(table string) bool
	// Note receives messages of one line that the user should see although nothing failed; it may be nil.
	Note func(string)
	// AsText is for tests; nil costs nothing. Where it is set, all rows of a dump in chunks are sent to MariaDB as values, however few, and
	// it is told of the table whose rows have to go as SQL nevertheless. Several goroutines may call it.
	AsText func(table string)
}

// Complete returns the configuration with every function set.
func (c Config) Complete() Config {
	if c.Note == nil {
		c.Note = func(string) {}
	}
	if c.WithoutRows == nil {
		c.WithoutRows = func(string) bool { return false }
	}
	return c
}

// Info describes the database.
type Info struct {
	Engine  string // "mariadb", "mysql" or "postgres"
	Version string // as the server reports it: "10.11.19"
	Name    string // of the live database
	Exists  bool   // whether there is a live database yet
	// FoldsNames means that the server ignores case in the names of tables.
	FoldsNames bool
}

// Database is a live database on a server that has answered. It may not exist yet.
type Database interface {
	// Info returns what Open found.
	Info() Info
	// FreeBytes returns how many bytes are free where the server keeps its data; false if that cannot be seen from
	// here.
	FreeBytes(ctx context.Context) (int64, bool)
	// Check looks, before anything is fetched, for what would keep a swap from leaving the rest of the server as it
	// is. It notes what the swap removes temporarily. It changes nothing. It fails with *OutsideError, and with
	// *PrivilegeError if foreign keys of other databases refer to this one and could not be added again.
	Check(ctx context.Context) error
	// Takes fails with *TablesError if the server does not take some of the tables that a dump needs it to take, as far as
	// that can be tried before the dump is fetched. It changes nothing. needs may be nil.
	Takes(ctx context.Context, needs *dump.Needs) error
	// TakesFiles says which tablespace files the server can import. It fails with *FilesError if its data folder
	// cannot be reached from here or it cannot import any, and with *BusyError while another pull or undo is running.
	// It undoes everything that it does to find out.
	TakesFiles(ctx context.Context) (FileServer, error)
	// Contents says what the live database contains. It takes no lock and changes nothing. It fails with *BusyError
	// while tables of a PostgreSQL database are being replaced.
	Contents(ctx context.Context) (Contents, error)
	// Changes reports whether the live database has been changed since its pull, regardless of Contents. It changes
	// nothing, and reads all rows that count. It fails as Contents does.
	Changes(ctx context.Context) (Changes, error)
	// Mark changes the provenance of the live database. It fails with *BusyError, *PrivilegeError and
	// ErrNothingToMark.
	Mark(ctx context.Context, mark Mark) error
	// Begin takes the lock, finishes what an earlier run left, and creates an empty scratch database. It fails with
	// *BusyError while another pull or undo is running, *PrivilegeError and *NoSpaceError. If only some tables of a
	// PostgreSQL database are replaced, the scratch database is a copy of the live one, and nobody else can connect
	// to the live one until the load has ended. It then also fails with ErrNoDatabase, and with *BusyError if other
	// sessions keep using the database. End the load with Discard.
	Begin(ctx context.Context) (Load, error)
	// Undo exchanges the live database, or the part of it that the last swap replaced, with what was there before. A
	// second Undo goes back. It fails with ErrNothingToUndo, *BusyError and *PrivilegeError.
	Undo(ctx context.Context) error
	// Earlier lists the earlier databases, the most recently replaced one first. It takes no lock and changes
	// nothing.
	Earlier(ctx context.Context) ([]Earlier, error)
	// EarlierChanges does for an earlier database what Changes does for the live one. For a part, it considers what
	// is left of it.
	EarlierChanges(ctx context.Context, earlier Earlier) (Changes, error)
	// UndoTo brings back the earlier database with a number, from 1, in the list of Earlier; 1 does what Undo does.
	// The live database then becomes the first earlier one, and none is dropped. It also fails with *NoEarlierError
	// and *PartOfError.
	UndoTo(ctx context.Context, number int) error
	// DropEarlier drops the earlier database with a number in the list of Earlier, and all older ones. It returns
	// those that it has dropped, and fails as UndoTo does.
	DropEarlier(ctx context.Context, number int) ([]Earlier, error)
	// Recover finishes what an interrupted run left. Afterwards the live database is either wholly the old one or
	// wholly the new one. Begin and Undo do this themselves.
	Recover(ctx context.Context) error
	// Close closes the connections.
	Close() error
}

// Load is the load of a dump: call Run or RunChunks, Compare, Swap, and in any case Discard.
type Load interface {
	// Run loads a dump's text into the scratch database. It reports each loaded range of text to progress, in bytes;
	// progress may be nil. Errors: *LoadError, *WrongEngineError, *SeveralDatabasesError, *NamesError, *NotAdmittedError, *PacketError,
	// *ExtensionError, *NoSpaceError, *LostError, those of sqltext, and those of r, wrapped.
	Run(ctx context.Context, r io.Reader, dialect sqltext.Dialect, progress func(bytes int64)) (sqltext.Stats, error)
	// RunChunks does what Run does for a dump in chunks. It loads the heads one after the other, then rows over
	// several connections at once, then the tails. Several goroutines may call progress. Chunks of rows are not
	// needed for tables outside the part that is replaced. It also fails with *ForeignKeyError, and with *UnfitError
	// if only the rows of a table are replaced and do not fit.
	RunChunks(ctx context.Context, chunks dump.Chunks, progress func(bytes int64)) (sqltext.Stats, error)
	// Compare compares the loaded rows with what the dump says. It fails with *MismatchError, and with ErrIncomplete
	// if the dump lacks its closing line.
	Compare(ctx context.Context, stats sqltext.Stats) error
	// Replaced returns how many rows each table of the live database has, -1 if a table cannot be counted; nothing if
	// there is no live database yet. Tables of PostgreSQL are called schema.table.
	Replaced(ctx context.Context) (map[string]int64, error)
	// Swap replaces the live database, or a part of it, with the scratch database. From then on Contents returns this
	// dump; after a part, it returns what it returned before. It fails with *BusyError if other sessions keep using
	// the live database. After any error the live database is the old one. If the connection was lost, Recover makes
	// it wholly the old or wholly the new one.
	Swap(ctx context.Context, dump Dump) error
	// Discard drops what has not been swapped and releases the lock. It may be called at any time and more than once,
	// and finishes even if Run's context has ended.
	Discard() error
}

// Staying is implemented by databases whose tables can stay where they are while others are exchanged.
type Staying interface {
	// Untouched returns those of some tables that are as the last pull has left them, in definition and rows, as far as the server can prove
	// that, and that no foreign key ties to any other table. It changes nothing, and reads all of their rows.
	Untouched(ctx context.Context, tables []string) ([]string, error)
	// Touched returns the tables that stayed when the earlier database with a number in the list of Earlier was replaced, and that have changed
	// since: undo would leave them as they are now. Before, they were as in each of the dumps that it returns. It returns none if there is no
	// such earlier database.
	Touched(ctx context.Context, number int) (tables []string, dumps []Dump, err error)
}

// Returning is implemented by loads into databases that implement Staying.
type Returning interface {
	// Return adds the loaded tables to the earlier database with a number in the list of Earlier, so that undo brings them back as well.
	Return(ctx context.Context, number int) error
}

// OnStep is called at every step of a swap, an undo or an import of files; in an import by several goroutines. Tests
// set it, to kill the process there.
var OnStep = func(string) {}

// DiscardPatience is how long cleaning up may take.
const DiscardPatience = 2 * time.Minute
