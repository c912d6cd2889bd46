package source

import "time"

// A transaction keeps the lock of each table that it has read until it ends, or rolls back to a savepoint that is
// older. Whoever alters such a table waits for it, and everybody else who wants the table waits behind them. So each
// connection of a snapshot sets a savepoint first and rolls back to it after each range of rows: the snapshot stays,
// the locks go.
const (
	SetSavepoint = "SAVEPOINT unlocked"
	GiveBack     = "ROLLBACK TO SAVEPOINT unlocked"
)

// LockPause is how long to wait before a lock that could not be had is asked for again.
const LockPause = time.Second
