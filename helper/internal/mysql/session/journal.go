package session

// The journal is a table in the previous database that says what a swap has to do apart from moving tables. It holds the
// views, triggers, routines, events and outgoing foreign keys that come ("new") and those that go ("old"); for each side,
// the dump that the database was loaded from; and if only some tables change places, which ones and how. Its own name
// is the state of the swap, and changes in the very statement that moves the tables:
//
//	pending  the tables have not been moved; the live database is the old one
//	swapped  they have been moved; the live database is the new one, but some of its views and the like are still missing
//	done     the swap is complete; undo reads the journal
//	marked   there was no swap, or what it would bring back was dropped; the journal only has a record of the live database
//	dropped  the database that contains the journal is being dropped
//
// The journal moves with the previous database, and each older database has its own.
const (
	JournalPending = JournalPrefix + "pending"
	JournalSwapped = JournalPrefix + "swapped"
	JournalDone    = JournalPrefix + "journal"
	JournalMarked  = JournalPrefix + "record"
)

// JournalPrefix begins the names of our own tables, which never change places.
const JournalPrefix = "dump_refresh_"
