package dumpfile

import (
	"errors"
	"fmt"
)

var (
	// ErrNoIndex means that a dump has no index of ours: another tool made it.
	ErrNoIndex = errors.New("the dump has no index")
	// ErrTruncated is within every [DamagedError] of a dump that ends too early.
	ErrTruncated = errors.New("truncated")
	// ErrCorrupt is within every [DamagedError] of a dump whose bytes have changed.
	ErrCorrupt = errors.New("corrupt")
)

// DamagedError means that a dump is not as it was written. It wraps ErrTruncated or ErrCorrupt.
type DamagedError struct {
	Kind   error
	Offset int64  // in the compressed object, in bytes; the damage is there or shortly before
	Reason string // what was found
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the dump is %v at byte %d: %s", e.Kind, e.Offset, e.Reason)
}

func (e *DamagedError) Unwrap() error { return e.Kind }

func truncated(offset int64, format string, args ...any) error {
	return &DamagedError{ErrTruncated, offset, fmt.Sprintf(format, args...)}
}

func corrupt(offset int64, format string, args ...any) error {
	return &DamagedError{ErrCorrupt, offset, fmt.Sprintf(format, args...)}
}

// NotSQLError means that a dump is something else than SQL text.
type NotSQLError struct {
	Found string // what it seems to be: "a zip archive"
	// Remedy is how SQL is made of it, or in its place; "" if that is not known.
	Remedy string
}

func (e *NotSQLError) Error() string {
	return "the dump is not SQL text but " + e.Found
}

// ArchiveError means that a dump is an archive of pg_dump, which pg_restore turns into SQL.
type ArchiveError struct {
	Format      ArchiveFormat
	Compression Compression // of the file around the archive
}

// ArchiveFormat is a format of pg_dump's archives.
type ArchiveFormat string

// The formats. A directory comes packed by tar.
const (
	CustomArchive    ArchiveFormat = "custom format"
	TarArchive       ArchiveFormat = "tar format"
	DirectoryArchive ArchiveFormat = "directory format"
)

func (e *ArchiveError) Error() string {
	return "the dump is not SQL text but an archive of pg_dump in " + string(e.Format)
}

// Command is the command that makes SQL of the file named FILE.
func (e *ArchiveError) Command() string {
	switch {
	case e.Format == DirectoryArchive:
		return "mkdir folder && tar -xf FILE -C folder --strip-components=1 && pg_restore -f out.sql folder"
	case e.Compression == None:
		return "pg_restore -f out.sql FILE"
	}
	return string(e.Compression) + " -dc FILE > archive && pg_restore -f out.sql archive"
}

// NewerFormatError means that a newer version of this program wrote the dump in a format that this version cannot read. Plain
// decompressors can.
type NewerFormatError struct {
	Format      int
	ToolVersion string // the version that wrote it
}

func (e *NewerFormatError) Error() string {
	return fmt.Sprintf("the dump has format %d of version %s, newer than format %d that this version reads",
		e.Format, e.ToolVersion, formatVersion)
}

// WindowError means that a foreign dump was compressed in a way (zstd --long, xz with a huge dictionary) that takes more
// memory than allowed.
type WindowError struct {
	Compression   Compression
	Window, Limit int64 // in bytes
}

func (e *WindowError) Error() string {
	return fmt.Sprintf("the dump's %s data needs a window of %d MiB; the limit is %d MiB",
		e.Compression, e.Window>>20, e.Limit>>20)
}
