// Package target is the database that a pull replaces. It loads a dump into a scratch database beside
// the live one, compares it with what the dump held, swaps the two in one step, and keeps the old one
// so that the swap can be undone. It speaks the servers' protocols itself and needs no client program.
//
// The rule of this package: until the one statement (MySQL) or transaction (PostgreSQL) of the swap,
// nothing of the live database is lost, and from then on everything that is still to do can be done
// again. Whoever comes next, after a kill -9 too, finds out from the server alone where things stand and
// ends it. More databases lie beside a live one called X: X__dump_incoming is being loaded,
// X__dump_previous is what undo brings back, X__dump_older_1 and so on are what was there before that, X__dump_spare is garbage that a
// swap leaves.
package target

import (
	"context"
	"io"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Config says which database is to be replaced.
type Config struct {
	URL dburl.URL
	// Threads is how many connections load rows at most; 0 means as many as this machine has use for.
	Threads int
	// InOrder adds the rows of a table of a MySQL or MariaDB dump in chunks one after the other, over one connection. Its file then
	// takes less room and is read faster; large tables may take longer to load.
	InOrder bool
	// Part is what pulls replace.
	Part Part
	// Keep is how many earlier databases are left after a swap, at least the one that it replaces; 0 means 1.
	Keep int
	// KeepChanged keeps those, too, that were changed since a pull put them there, or of which nobody can tell.
	KeepChanged bool
	// Token is kept with the record of the database that a swap, an undo or a mark makes, and Choice with that of a swap. Whoever remembers
	// the token elsewhere finds out by it that the server's files have been replaced by others of earlier. Without a token a swap does not
	// note what the database is like: Changes cannot tell then.
	Token  string
	Choice Choice
	// WithoutRows says of a table whether its rows do not count as the user's: dumps have it without them. It is asked for tables that
	// come, and for those that came by no pull; nil means that all count. Tables of PostgreSQL have their schema in front.
	WithoutRows func(table string) bool
	// Note is told, in one line each, what the user should know though nothing failed; it may be nil.
	Note func(string)
}

// Complete gives a configuration in which no function is nil.
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
	Version string // as the server tells it: "10.11.19"
	Name    string // of the live database
	Exists  bool   // whether there is a live database yet
	// FoldsNames means that the server does not tell upper from lower case in the names of tables.
	FoldsNames bool
}

// Database is a live database, which need not exist yet, on a server that answered.
type Database interface {
	// Info tells what Open found.
	Info() Info
	// FreeBytes tells how many bytes are free where the server keeps its data; false where that cannot
	// be seen from here.
	FreeBytes(ctx context.Context) (int64, bool)
	// Check looks, before anything is fetched, for what keeps a swap from leaving the rest of the server as it is, and tells what it takes
	// away meanwhile. It changes nothing. It fails with *OutsideError, and *PrivilegeError where foreign keys of other databases refer to
	// this one and cannot be put back.
	Check(ctx context.Context) error
	// TakesFiles says which files of tables the server takes, and fails with *FilesError where its data folder cannot be
	// reached from here, or it takes none, and with *BusyError while another pull or undo is at work. What it has to try for that it
	// takes back.
	TakesFiles(ctx context.Context) (FileServer, error)
	// Contents tells what the live database holds. It takes no lock and changes nothing. It fails with *BusyError where tables of
	// a PostgreSQL database are being replaced.
	Contents(ctx context.Context) (Contents, error)
	// Changes tells whether the live database has been changed since a pull put it there, whatever Contents says. It changes nothing, and
	// reads all rows that count. It fails as Contents does.
	Changes(ctx context.Context) (Changes, error)
	// Mark changes what is recorded of the live database. It fails with *BusyError, *PrivilegeError, and ErrNothingToMark.
	Mark(ctx context.Context, mark Mark) error
	// Begin takes the lock, ends what an earlier run left undone, and makes an empty scratch database.
	// It fails with *BusyError while another pull or undo is at work, *PrivilegeError, *NoSpaceError. Where only some tables
	// of a PostgreSQL database are to be replaced, the scratch database is a copy of the live one, into which nobody else comes
	// until the load has ended; then it also fails with ErrNoDatabase, and *BusyError where others do not let go of it.
	// The load must be ended with Discard.
	Begin(ctx context.Context) (Load, error)
	// Undo exchanges the live database, or the part of it that the last swap has replaced, with what was there before; a
	// second Undo goes back. It fails with ErrNothingToUndo, *BusyError, *PrivilegeError.
	Undo(ctx context.Context) error
	// Earlier lists the earlier databases, the one that was replaced last first. It takes no lock and changes nothing.
	Earlier(ctx context.Context) ([]Earlier, error)
	// EarlierChanges tells of an earlier database what Changes tells of the live one: whether it was changed since a pull put it there. Of a
	// part it tells this as far as something is left of it.
	EarlierChanges(ctx context.Context, earlier Earlier) (Changes, error)
	// UndoTo brings back the earlier database that has a number, from 1, in the list of Earlier; 1 does what Undo does. The live one becomes
	// the first of the earlier ones then, and none is dropped. It also fails with *NoEarlierError, and *PartOfError.
	UndoTo(ctx context.Context, number int) error
	// DropEarlier drops the earlier database that has a number in the list of Earlier, and all that are older. It gives those that it has
	// dropped, and fails as UndoTo does.
	DropEarlier(ctx context.Context, number int) ([]Earlier, error)
	// Recover ends what an interrupted run left: afterwards the live database is either wholly the old
	// one or wholly the new one. Begin and Undo do it by themselves.
	Recover(ctx context.Context) error
	// Close ends the connections.
	Close() error
}

// Load is a dump on its way into the database: Run, Compare, Swap, and in any case Discard.
type Load interface {
	// Run loads a dump's text into the scratch database. progress, which may be nil, is told of every
	// stretch of text that is done, in bytes. Errors: *LoadError, *WrongEngineError,
	// *SeveralDatabasesError, *NamesError, *PacketError, *ExtensionError, *NoSpaceError, *LostError, those of
	// sqltext, and those of r, wrapped.
	Run(ctx context.Context, r io.Reader, dialect sqltext.Dialect, progress func(bytes int64)) (sqltext.Stats, error)
	// RunChunks does what Run does for a dump that comes in chunks: it loads the heads one after the other, then
	// rows over several connections at once, then the tails. progress may be called by several goroutines. Of tables that
	// are not of the part that is replaced, chunks with rows are not needed. It also fails with *ForeignKeyError, and
	// *UnfitError where a table stays and only its rows are replaced.
	RunChunks(ctx context.Context, chunks dump.Chunks, progress func(bytes int64)) (sqltext.Stats, error)
	// Compare counts what has been loaded against what the dump held. It fails with *MismatchError,
	// and with ErrIncomplete where the dump lacks its closing line.
	Compare(ctx context.Context, stats sqltext.Stats) error
	// Replaced tells how many rows the tables of the live database have, -1 where one cannot be counted; none where there is no live
	// database yet. Tables of PostgreSQL go by schema.table.
	Replaced(ctx context.Context) (map[string]int64, error)
	// Swap puts the scratch database, or the part of it that is to be replaced, into the live one's place. From then on
	// Contents says that it is dump; after a part it says what it said before.
	// It fails with *BusyError where other sessions do not let go of the live database; after any
	// error the live database is the old one, or, where the connection was lost, what Recover makes of
	// it: wholly the old or wholly the new.
	Swap(ctx context.Context, dump Dump) error
	// Discard drops what has not been swapped and lets go of the lock. It may be called at any time,
	// more than once, and takes its own time even where Run's context has ended.
	Discard() error
}

// OnStep is told of every step of a swap or an undo, and of what is done with files of tables, there by several goroutines. Tests set
// it, to end the process there.
var OnStep = func(string) {}

// DiscardPatience is how long cleaning up may take.
const DiscardPatience = 2 * time.Minute
