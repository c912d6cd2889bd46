package source

import "time"

// A transaction keeps its lock on each table that it has read until it ends or rolls back to an older savepoint. An
// ALTER TABLE would wait for that lock, and all other queries on the table would queue behind it. So each connection of a
// snapshot first sets a savepoint and rolls back to it after each range of rows. That releases the locks and keeps the
// snapshot.
const (
	SetSavepoint = "SAVEPOINT unlocked"
	GiveBack     = "ROLLBACK TO SAVEPOINT unlocked"
)

// LockPause is how long to wait before asking again for a lock that was not granted.
const LockPause = time.Second
