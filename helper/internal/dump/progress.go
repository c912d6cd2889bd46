package dump

// Progress shows how far a refresh, a pull or a bake has come.
type Progress interface {
	// Phase begins a phase of about total bytes; 0 if that is unknown.
	Phase(name string, total int64)
	// Advance adds n bytes to the current phase.
	Advance(n int64)
	// Note prints one line.
	Note(line string)
}
