package localdb

// FilesError means that a server does not take tables as files, though it may take them as text.
type FilesError struct {
	Table  string // "" where it is about the server
	Reason string // as part of a sentence: "the data folder of the server cannot be reached from here"
	Err    error  // nil where there is no more to tell
}

func (e *FilesError) Error() string {
	if e.Table == "" {
		return e.Reason
	}
	return "table " + e.Table + ": " + e.Reason
}

func (e *FilesError) Unwrap() error { return e.Err }
