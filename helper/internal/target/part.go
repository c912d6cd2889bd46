package target

import "errors"

// ErrNoTables means that there is nothing to exchange.
var ErrNoTables = errors.New("there is no table to exchange")

// Part is the part of a database that a pull replaces; the rest stays as it is. The zero Part is the whole database.
type Part struct {
	// Has reports whether a table belongs to the part, in the live database and in the dump; nil means that all do.
	Has func(table string) bool
	// Folded does what Has does where case does not matter; nil means that Has does both.
	Folded func(table string) bool
	// TablesOnly means that only tables of the dump are replaced. Views, routines and events stay, and so do tables
	// that the dump lacks.
	TablesOnly bool
	// Unchanged means that the tables outside the part are those of the dump already: the database becomes that dump. The load fails with
	// *DifferentError if they turn out to be others.
	Unchanged bool
}

// IsAll reports whether the part is the whole database.
func (p Part) IsAll() bool { return p.Has == nil }

// BecomesDump reports whether the database is wholly the dump's after the swap.
func (p Part) BecomesDump() bool { return p.IsAll() || p.Unchanged }

// Includes reports whether a table belongs to the part.
func (p Part) Includes(table string) bool { return p.IsAll() || p.Has(table) }
