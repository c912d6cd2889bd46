package target

// MaxSessions bounds how many connections of the server a load takes; servers for development have few
// cores, and many more sessions than cores gain nothing.
const MaxSessions = 4

// DeadlockTries is how often a statement is run that got in the way of another. The server has taken it back.
const DeadlockTries = 10
