package target

import "time"

// Dump names what a database was loaded from.
type Dump struct {
	// Key is the dump's key in the bucket.
	Key string `json:"key"`
	// Time is the time of its snapshot, or S3's time for another tool's dump.
	Time time.Time `json:"time"`
	// Index identifies the dump's index, "" if it has none or not all of its rows were loaded.
	Index string `json:"index,omitempty"`
}

// Contents says what the live database contains.
type Contents struct {
	// Empty means that it has no table, or does not exist.
	Empty bool
	// Dump is the dump that a swap or an undo put there, whatever the site has changed since. It is zero if the
	// database was filled by other means. Pulling a part later counts as a change.
	Dump Dump
	// Hold means that the user wants to keep the database, even if there are newer dumps.
	Hold bool
	// Choice is why the user wants this database. An empty database that Undo brought back has one too.
	Choice Choice
	// Token is the token of the swap, undo or mark that wrote the provenance: see [Config]. It is "" if there is no
	// provenance for the current database, or if an earlier version wrote it.
	Token string
	// Created is when its tables were created, as far as the server knows, and never too early. It is determined only
	// if the dump is unknown, and zero if the database consists of a part of a dump.
	Created time.Time
}

// Provenance is what is stored about a database that was loaded from a dump. Without a dump it means that only a part
// of one was loaded into an empty database.
type Provenance struct {
	Dump
	// LastTable is the highest number of a table that the database had then, 0 if unknown. Servers number their
	// tables upwards and never reuse a number. A table keeps its number when it is moved, across restarts, and in
	// copies of the server's files. Times are not reliable: MariaDB's time for an InnoDB table is that of its file,
	// and changes with every chown.
	LastTable int64  `json:"last_table"`
	Hold      bool   `json:"hold,omitempty"`
	Choice    Choice `json:"choice,omitempty"`
	Token     string `json:"token,omitempty"`
	// Fingerprint is the state of the database then, nil if unknown.
	Fingerprint *Fingerprint `json:"fingerprint,omitempty"`
	// Released is what had been changed when Release took that fingerprint. A pull may still replace the database,
	// but keeps it.
	Released *Changes `json:"released,omitempty"`
}

// Of returns what is true for a database whose lowest table number is firstTable.
func (r Provenance) Of(firstTable int64) Provenance {
	if r.Describes(firstTable) || r.LastTable == 0 {
		return r
	}
	return Provenance{Hold: r.Hold}
}

// Contents returns what the provenance says about a database, whether it still describes it or not. firstTable is the
// lowest number of its tables, 0 if it has none.
func (r Provenance) Contents(firstTable int64) Contents {
	held := Contents{Hold: r.Hold}
	switch {
	case r.Describes(firstTable):
		held.Dump, held.Choice, held.Token = r.Dump, r.Choice, r.Token
	case r.LastTable == 0 && firstTable == 0: // it was already empty when the provenance was written
		held.Choice, held.Token = r.Choice, r.Token
	}
	return held
}

// Describes reports whether a database is still the one of the provenance. firstTable is the lowest number of its
// tables. One remaining table is enough, since sites drop, create and truncate tables. Replacing a database by other
// means creates all of its tables anew.
func (r Provenance) Describes(firstTable int64) bool {
	return firstTable > 0 && firstTable <= r.LastTable
}
