package source

// ServerShare is the share of a server's free connections, one in that many, that a dump stays within.
const ServerShare = 4

// UsefulReaders is how many connections a machine has use for: more than four are faster on hardly any server.
func UsefulReaders(cpus int) int { return min(max(2, cpus+1), 4) }
