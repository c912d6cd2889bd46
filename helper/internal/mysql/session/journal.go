package session

// The journal is a table in the previous database that says what a swap has to do beside moving tables:
// it holds the views, triggers, routines, events and foreign keys out of the database that come ("new") and those that go ("old"), for each side the dump
// that the database was loaded from, which tables change places where not all do, and how they do. Its own
// name is where the swap stands, and it changes in the very statement that moves the tables:
//
//	pending  the tables have not been moved: the live database is the old one
//	swapped  they have: the live database is the new one, its views and the like are not all made yet
//	done     the swap is complete; undo reads it
//	marked   there was no swap, or what it has brought back was dropped: it has nothing but a record of the live database
//	dropped  the database that it is in is being dropped
//
// It goes where the previous database goes, and is in each of the older ones.
const (
	JournalPending = JournalPrefix + "pending"
	JournalSwapped = JournalPrefix + "swapped"
	JournalDone    = JournalPrefix + "journal"
	JournalMarked  = JournalPrefix + "record"
)

// JournalPrefix is how the names of tables begin that are ours and never change places.
const JournalPrefix = "dump_refresh_"
