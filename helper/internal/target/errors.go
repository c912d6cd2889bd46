package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
)

// ErrNothingToUndo means that no earlier database is kept.
var ErrNothingToUndo = errors.New("there is no earlier database to go back to")

// ErrNothingToMark means that there is no local database, or that it is empty.
var ErrNothingToMark = errors.New("there is no local database to hold or release")

// ErrNoDatabase means that there is no database in which a part could be replaced.
var ErrNoDatabase = errors.New("there is no local database to replace a part of")

// ErrIncomplete means that a dump begins like one of mysqldump, mariadb-dump or pg_dump but lacks their closing line.
var ErrIncomplete = errors.New("the dump lacks its closing line: it is cut off")

// ErrTransactionOpen means that a dump begins a transaction that it does not commit.
var ErrTransactionOpen = errors.New("the dump begins a transaction and never commits it: nothing of it would stay")

// UnreachableError means that the server does not answer.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string { return fmt.Sprintf("cannot reach %s: %v", e.Server, e.Err) }

func (e *UnreachableError) Unwrap() error { return e.Err }

// SettingError means that a setting of the server stands in the way, and that this account cannot change it: a
// setting for sessions, or one of the whole server.
type SettingError struct {
	Name  string
	Value string // "" for a setting of the whole server
	// Needs is the value that a setting of the whole server must have; "" if unknown.
	Needs string
	Err   error
}

func (e *SettingError) Error() string { return e.Err.Error() }

func (e *SettingError) Unwrap() error { return e.Err }

// AuthError means that the server refused the user or the password.
type AuthError struct {
	User, Server string
	Err          error
}

func (e *AuthError) Error() string {
	return fmt.Sprintf("%s refuses user %s: %v", e.Server, e.User, e.Err)
}

func (e *AuthError) Unwrap() error { return e.Err }

// RefusedError means that the server lets this account, or this machine, not in or not go on, for another reason than
// its user or password.
type RefusedError struct {
	// Kind is why. Errors.Is does not find it: of the source, it means something else.
	Kind   fault.Kind
	Server string
	Err    error
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Server, e.Kind, e.Err) }

func (e *RefusedError) Unwrap() error { return e.Err }

// PrivilegeError means that the account may not do what a pull needs.
type PrivilegeError struct {
	// Action is what was refused: "create database x__dump_incoming".
	Action string
	// Grant is the statement with which an administrator allows it.
	Grant string
	Err   error
}

func (e *PrivilegeError) Error() string { return fmt.Sprintf("not allowed to %s: %v", e.Action, e.Err) }

func (e *PrivilegeError) Unwrap() error { return e.Err }

// BusyError means that another process uses the database.
type BusyError struct {
	Name string
	// Holder names it: "connection 12 of db@localhost".
	Holder string
	// Running means that another pull or undo is running. Otherwise sessions of the site keep using the database.
	Running bool
}

func (e *BusyError) Error() string {
	if e.Running {
		return fmt.Sprintf("another pull or undo of %s is running (%s)", e.Name, e.Holder)
	}
	return fmt.Sprintf("database %s is in use and cannot be exchanged (%s)", e.Name, e.Holder)
}

// NoSpaceError means that the server's disk is full.
type NoSpaceError struct {
	Server string
	Err    error
}

func (e *NoSpaceError) Error() string {
	return fmt.Sprintf("no space left on the disk of %s: %v", e.Server, e.Err)
}

func (e *NoSpaceError) Unwrap() error { return e.Err }

// LostError means that the connection broke.
type LostError struct {
	Server string
	Err    error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("lost the connection to %s: %v", e.Server, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// LoadError means that the server refused a statement of the dump.
type LoadError struct {
	// Statement counts from 1; it is 0 if statements are loaded in no particular order. Offset is where it begins in
	// the dump's text, in bytes; it is -1 for our own statement that adds the keys of a table.
	Statement, Offset int64
	// Table is the table whose rows were being loaded, "" for other statements.
	Table string
	// Excerpt is the beginning of the statement, "" if it contains rows: they may be personal data.
	Excerpt string
	// Message is the server's message, without values of rows.
	Message string
	Err     error
}

// EncodingError means that the local database has an encoding that lacks what the dump has.
type EncodingError struct {
	Database string
	// Needs is an encoding that has it, in the words of CREATE DATABASE.
	Needs string
	Err   *LoadError
}

func (e *EncodingError) Error() string {
	return "the encoding of database " + e.Database + " does not take what is in the dump: " + e.Err.Error()
}

func (e *EncodingError) Unwrap() error { return e.Err }

// NoOffset is the offset of a statement that is not in the dump's text.
const NoOffset = -1

func (e *LoadError) Error() string {
	what := fmt.Sprintf("%q", e.Excerpt)
	if e.Excerpt == "" {
		what = "rows of table " + e.Table
	}
	switch {
	case e.Offset == NoOffset:
		return fmt.Sprintf("adding the keys of table %s failed: %s", e.Table, e.Message)
	case e.Statement == 0:
		return fmt.Sprintf("the statement at byte %d (%s) failed: %s", e.Offset, what, e.Message)
	}
	return fmt.Sprintf("statement %d at byte %d (%s) failed: %s", e.Statement, e.Offset, what, e.Message)
}

func (e *LoadError) Unwrap() error { return e.Err }

// NotAdmittedError means that a dump has a statement that dumps do not consist of, or that reaches outside the database that is being
// loaded. It was not sent to the server.
type NotAdmittedError struct {
	// Statement counts from 1; it is 0 if statements are loaded in no particular order. Offset is where it begins in
	// the dump's text, in bytes.
	Statement, Offset int64
	// Excerpt is the beginning of the statement, without values.
	Excerpt string
	// Reason says what is wrong with the statement: "it concerns database shop".
	Reason string
}

func (e *NotAdmittedError) Error() string {
	where := fmt.Sprintf("the statement at byte %d", e.Offset)
	if e.Statement > 0 {
		where = fmt.Sprintf("statement %d at byte %d", e.Statement, e.Offset)
	}
	return fmt.Sprintf("%s (%q) does not belong in a dump: %s", where, e.Excerpt, e.Reason)
}

// TablesError means that the server does not take some of the dump's tables, not even without their optional parts.
type TablesError struct {
	Tables   []string
	Refusals []error // one for each table: *LoadError, *LacksError, or *SettingError if a setting of the server is to blame
	// Causes are other errors behind these: extensions that the server does not take.
	Causes []error
	// Skipped are the names, or their patterns, of tables that the pull leaves out already.
	Skipped []string
	// InChunks says that the dump comes in chunks, of which those of other tables can be pulled.
	InChunks bool
}

func (e *TablesError) Error() string {
	if len(e.Refusals) == 1 && len(e.Causes) == 0 {
		return e.Refusals[0].Error()
	}
	var each []string
	for _, refusal := range e.Refusals {
		each = append(each, refusal.Error())
	}
	count := fmt.Sprintf("%d tables", len(each))
	if len(each) == 1 {
		count = "a table"
	}
	text := fmt.Sprintf("the local server does not take %s: %s", count, strings.Join(each, "; "))
	for _, cause := range e.Causes {
		text += "; " + cause.Error()
	}
	return text
}

// Foretold joins what was known before the load to what came of it: what the tables lack says more than that their types do not exist.
func (e *TablesError) Foretold(before *TablesError) {
	if before == nil {
		return
	}
	for i, table := range e.Tables {
		if at := slices.Index(before.Tables, table); at >= 0 {
			e.Refusals[i] = before.Refusals[at]
		}
	}
	names := before.MissingExtensions()
	e.Causes = slices.DeleteFunc(e.Causes, func(err error) bool {
		var extension *ExtensionError
		return errors.As(err, &extension) && slices.Contains(names, extension.Name)
	})
}

func (e *TablesError) Unwrap() error { return e.Refusals[0] }

// Settings returns what an administrator would set for these tables: "innodb_force_primary_key to OFF".
func (e *TablesError) Settings() (all []string) {
	for _, err := range e.Refusals {
		var setting *SettingError
		if errors.As(err, &setting) && setting.Needs != "" {
			if text := setting.Name + " to " + setting.Needs; !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// LargerPagesHelp reports whether a server with larger pages may take these tables.
func (e *TablesError) LargerPagesHelp() bool {
	return slices.ContainsFunc(e.Refusals, func(err error) bool {
		var long *TooLongError
		return errors.As(err, &long) && long.LargerHelps
	})
}

// MissingExtensions returns the extensions that the server would need for these tables.
func (e *TablesError) MissingExtensions() (names []string) {
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, err := range slices.Concat(e.Refusals, e.Causes) {
		var lacks *LacksError
		var extension *ExtensionError
		switch {
		case errors.As(err, &extension):
			add(extension.Name)
		case errors.As(err, &lacks):
			for _, r := range lacks.Lacks {
				if r.Kind == dump.Extension {
					add(r.Name)
				}
			}
		}
	}
	return names
}

// TooLongError means that a table has something that is too long for the pages in which the server stores rows and keys.
type TooLongError struct {
	Table string
	What  string // "a row" or "a key"
	// PageSize is that of the server, in bytes. LargerHelps says whether a server with larger pages may take the table.
	PageSize    int64
	LargerHelps bool
	Err         *LoadError
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("table %s: %s is too long for the local server's pages (innodb_page_size %d): %s", e.Table, e.What, e.PageSize, e.Err.Message)
}

func (e *TooLongError) Unwrap() error { return e.Err }

// LacksError means that a table needs what the server lacks.
type LacksError struct {
	Table string
	Lacks []dump.Requirement
}

func (e *LacksError) Error() string {
	var all []string
	for _, r := range e.Lacks {
		all = append(all, r.String())
	}
	return fmt.Sprintf("table %s needs %s, which the local server lacks", e.Table, strings.Join(all, " and "))
}

// MismatchError means that a loaded table does not have the rows that the dump says.
type MismatchError struct {
	Table     string
	Want, Got int64 // rows; Got is -1 if the table is missing
}

func (e *MismatchError) Error() string {
	if e.Got < 0 {
		return fmt.Sprintf("table %s is missing after the load", e.Table)
	}
	return fmt.Sprintf("table %s has %d rows after the load, the dump has %d", e.Table, e.Got, e.Want)
}

// ChunkError means that a chunk of a dump does not contain the rows that its entry in the index names.
type ChunkError struct{ Table string }

func (e *ChunkError) Error() string {
	return fmt.Sprintf("a chunk of table %s contains something other than rows of that table", e.Table)
}

// RowsAloneError means that a dump has rows of a table that it does not create.
type RowsAloneError struct {
	Table string
	Err   error // the server's
}

func (e *RowsAloneError) Error() string {
	return fmt.Sprintf("the dump has rows of table %s, which it does not create", e.Table)
}

func (e *RowsAloneError) Unwrap() error { return e.Err }

// WrongEngineError means that the dump is for another kind of server.
type WrongEngineError struct{ Dump, Target string }

func (e *WrongEngineError) Error() string {
	return fmt.Sprintf("the dump is one of %s, the target is %s", e.Dump, e.Target)
}

// SeveralDatabasesError means that the dump contains, or refers to, more than one database.
type SeveralDatabasesError struct{ First, Second string }

func (e *SeveralDatabasesError) Error() string {
	return fmt.Sprintf("the dump is of more than one database: %s and %s", e.First, e.Second)
}

// NamesError means that two names of a dump are the same to the server, which ignores case.
type NamesError struct{ First, Second string }

func (e *NamesError) Error() string {
	return fmt.Sprintf("the dump has %s and %s, which have the same name on the local server: it does not tell upper from lower case (lower_case_table_names)",
		e.First, e.Second)
}

// PacketError means that a statement, or a single row of it, is longer than the server accepts.
type PacketError struct {
	Table       string // "" for statements other than rows
	Need, Limit int64  // bytes
}

func (e *PacketError) Error() string {
	what := "a statement"
	if e.Table != "" {
		what = "a row of table " + e.Table
	}
	return fmt.Sprintf("%s takes %d bytes, the server's max_allowed_packet is %d", what, e.Need, e.Limit)
}

// ExtensionError means that the dump needs a PostgreSQL extension that the server lacks.
type ExtensionError struct {
	Name string
	Err  error
}

func (e *ExtensionError) Error() string {
	return fmt.Sprintf("the server lacks extension %s: %v", e.Name, e.Err)
}

func (e *ExtensionError) Unwrap() error { return e.Err }

// TooOldError means that the local server is older than the oldest one that a pull supports.
type TooOldError struct{ Server, Version, Oldest string }

func (e *TooOldError) Error() string {
	return fmt.Sprintf("the local server is %s %s, and a pull needs version %s or newer", e.Server, e.Version, e.Oldest)
}

// ForeignKeyError means that a part of a database cannot be replaced on its own, because a foreign key connects it
// with the rest.
type ForeignKeyError struct {
	// Table has the foreign key, which refers to the table Refers. One of them would be replaced, and the other would
	// stay.
	Table, Refers string
	// Replaced means that Table would be replaced.
	Replaced bool
	// Missing are all tables that would also have to be replaced; none for an undo.
	Missing []string
}

func (e *ForeignKeyError) Error() string {
	from, to := "which would stay", "which would be replaced"
	if e.Replaced {
		from, to = to, from
	}
	return fmt.Sprintf("a foreign key of table %s, %s, refers to table %s, %s", e.Table, from, e.Refers, to)
}

// UnfitError means that the rows of a table in the dump do not fit the local table of that name, or the reverse. A
// part of a PostgreSQL database exchanges only rows; tables stay, or are replaced as a whole.
type UnfitError struct {
	Table  string
	Reason string
	Err    error // the server's, if it refused the rows
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("table %s differs between the dump and the local database: %s", e.Table, e.Reason)
}

func (e *UnfitError) Unwrap() error { return e.Err }

// DifferentError means that tables of the local database are not those of the dump, as was thought.
type DifferentError struct{ Tables []string }

func (e *DifferentError) Error() string {
	return "the local database has other definitions of tables than the dump: " + strings.Join(e.Tables, ", ")
}

// OutsideError means that a table of the local database has files outside the database's folder, so that it cannot be
// moved safely.
type OutsideError struct {
	Database, Table string
	// Option is what put them there: "DATA DIRECTORY".
	Option string
	// Remedy is the statements that move them into the folder of the database.
	Remedy string
}

func (e *OutsideError) Error() string {
	article := "a"
	if strings.HasPrefix(e.Option, "INDEX") {
		article = "an"
	}
	return fmt.Sprintf("table %s of database %s has %s %s: its files lie outside of the folder of the database, and the server may lose it when it is moved",
		e.Table, e.Database, article, e.Option)
}

// ObstacleError means that something about a database keeps it from being exchanged.
type ObstacleError struct {
	// Database is the local one, or one of those beside it.
	Database string
	// What is a predicate of the database: "accepts no connections".
	What string
	// Remedy is the statements that remove it, and where they are run if that matters.
	Remedy string
}

func (e *ObstacleError) Error() string { return "database " + e.Database + " " + e.What }

// InboundKeyError means that a foreign key of another database refers to a table of this one, and does not fit the
// table that would replace it.
type InboundKeyError struct {
	// Database and Table have the foreign key Name.
	Database, Table, Name string
	// Refers is the table that it refers to.
	Refers string
	// Reason says why it does not fit.
	Reason string
	// Remedy is the statement that drops the key.
	Remedy string
	Err    error
}

func (e *InboundKeyError) Error() string {
	return fmt.Sprintf("foreign key %s of table %s.%s refers to table %s, and does not fit the one that would take its place: %s",
		e.Name, e.Database, e.Table, e.Refers, e.Reason)
}

func (e *InboundKeyError) Unwrap() error { return e.Err }

// Excerpt returns the beginning of a statement, on one line.
func Excerpt(text []byte) string {
	const longest = 200
	words := strings.Join(strings.Fields(string(text[:min(len(text), longest)])), " ")
	return strings.ToValidUTF8(words, "")
}

// A StrictError names what the database would not have as it is in the dump.
type StrictError struct{ Lost []string }

func (e *StrictError) Error() string {
	var parts []string
	for _, text := range e.Lost {
		parts = append(parts, strings.TrimSuffix(text, "."))
	}
	return "the local server does not take all of the dump as it is: " + strings.Join(parts, "; ")
}
