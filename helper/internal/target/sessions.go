package target

// MaxSessions limits how many sessions a load opens. Development servers have few cores, and many more sessions than
// cores gain nothing.
const MaxSessions = 4

// DeadlockTries is how often a statement is tried when the server rolls it back because of a deadlock.
const DeadlockTries = 10
