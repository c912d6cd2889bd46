package source

// ServerShare limits a dump to one in ServerShare of the server's free connections.
const ServerShare = 4

// UsefulReaders returns how many connections make sense on a machine: on hardly any server are more than four faster.
func UsefulReaders(cpus int) int { return min(max(2, cpus+1), 4) }
