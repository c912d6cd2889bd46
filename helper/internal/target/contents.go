package target

import "time"

// Dump names what a database was loaded from.
type Dump struct {
	// Key is the dump's in the bucket.
	Key string `json:"key"`
	// Time is that of its snapshot, or what S3 gives for a dump by another tool.
	Time time.Time `json:"time"`
}

// Contents says what the live database holds.
type Contents struct {
	// Empty means that it has no table, or does not exist.
	Empty bool
	// Dump is the one that a swap or an undo put there, whatever the site has done with it since. It is zero
	// where nobody knows: the database has come by other means. A part that was pulled since counts as something that
	// the site has done with it.
	Dump Dump
	// Hold means that the user wants to keep the database, whatever dumps there are.
	Hold bool
	// Choice is why the database is the one that the user wants. It is known of an empty database, too, that Undo has brought back.
	Choice Choice
	// Token is that of the swap, undo or mark that the record is of: see [Config]. It is "" where there is no record of what the database
	// is now, and where an earlier version has made it.
	Token string
	// Created is when its tables were made, as far as the server tells, and rather too late than too early.
	// It is looked for only where the dump is not known, and zero where a part of a dump is all there is.
	Created time.Time
}

// Provenance is what is kept about a database that was loaded from a dump. Without a dump it says that only a part of one was
// loaded, and nothing was there before.
type Provenance struct {
	Dump
	// LastTable is the highest number of a table that the database had then, 0 where that is not known.
	// Servers number their tables upwards and use no number twice, a table keeps its number wherever it is
	// moved, and across restarts and copies of the server's files. Times would not do: MariaDB's for a table
	// of InnoDB is that of a file, and changes with every chown.
	LastTable int64  `json:"last_table"`
	Hold      bool   `json:"hold,omitempty"`
	Choice    Choice `json:"choice,omitempty"`
	Token     string `json:"token,omitempty"`
	// Print is what the database was like then, nil where nobody knows.
	Fingerprint *Fingerprint `json:"fingerprint,omitempty"`
	// Released is what had been changed when Release made that fingerprint: a pull may replace the database all the same, and keeps it.
	Released *Changes `json:"released,omitempty"`
}

// Of gives what of a record is true of a database whose tables have firstTable as the lowest number.
func (r Provenance) Of(firstTable int64) Provenance {
	if r.Describes(firstTable) || r.LastTable == 0 {
		return r
	}
	return Provenance{Hold: r.Hold}
}

// Contents gives what is known of a database by its record, which describes it or not; firstTable is the lowest number of its tables, 0
// where it has none.
func (r Provenance) Contents(firstTable int64) Contents {
	held := Contents{Hold: r.Hold}
	switch {
	case r.Describes(firstTable):
		held.Dump, held.Choice, held.Token = r.Dump, r.Choice, r.Token
	case r.LastTable == 0 && firstTable == 0: // it was empty already when the record was made
		held.Choice, held.Token = r.Choice, r.Token
	}
	return held
}

// Describes says whether a database is still the one of the record; firstTable is the lowest number of
// its tables. As long as a single table of then is there it is: sites drop, make and truncate tables.
// Who replaces a database by other means makes all of its tables anew.
func (r Provenance) Describes(firstTable int64) bool {
	return firstTable > 0 && firstTable <= r.LastTable
}
