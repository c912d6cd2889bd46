package target

import "fmt"

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

// StrayFilesError means that a server does not drop a database because of files in its folder that belong to no table: a crash has
// left them.
type StrayFilesError struct {
	Database string
	Err      error
}

func (e *StrayFilesError) Error() string {
	return fmt.Sprintf("drop database %s: files are left in its folder that belong to no table: %v", e.Database, e.Err)
}

func (e *StrayFilesError) Unwrap() error { return e.Err }
