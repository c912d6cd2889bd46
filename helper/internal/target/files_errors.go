package target

import "fmt"

// FilesError means that a server cannot import tables as files. It may still accept them as text.
type FilesError struct {
	Table  string // "" if it concerns the server
	Reason string // as part of a sentence: "the data folder of the server cannot be reached from here"
	Err    error  // nil if there is nothing to add
}

func (e *FilesError) Error() string {
	if e.Table == "" {
		return e.Reason
	}
	return "table " + e.Table + ": " + e.Reason
}

func (e *FilesError) Unwrap() error { return e.Err }

// StrayFilesError means that a server does not drop a database, because a crash has left files in its folder that
// belong to no table.
type StrayFilesError struct {
	Database string
	Err      error
}

func (e *StrayFilesError) Error() string {
	return fmt.Sprintf("drop database %s: files are left in its folder that belong to no table: %v", e.Database, e.Err)
}

func (e *StrayFilesError) Unwrap() error { return e.Err }
