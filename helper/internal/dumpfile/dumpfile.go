// Package dumpfile writes and reads dumps as they are stored in a bucket. The SQL text is cut into chunks, each compressed by
// itself, so that a plain decompressor sees one stream. An index follows that plain decompressors skip. docs/format.md is the
// specification. The package also reads dumps by other tools.
//
// It knows no database and no network: it writes to an [Output] and reads from an io.Reader or io.ReaderAt.
//
// It trusts nothing that a dump says about itself. Before it allocates memory or returns a byte, it compares every length with
// the size of the object and every chunk with its SHA-256.
package dumpfile

import (
	"bytes"
	"strings"
)

// Compression is how a dump is compressed.
type Compression string

// The compressions. [NewWriter] supports the first two, [NewReader] all of them.
const (
	Zstd  Compression = "zstd"
	Gzip  Compression = "gzip"
	Bzip2 Compression = "bzip2"
	XZ    Compression = "xz"
	None  Compression = "none"
)

// endings are the endings of dumps' names. No ending is the end of another.
var endings = map[Compression]string{
	Zstd:  ".sql.zst",
	Gzip:  ".sql.gz",
	Bzip2: ".sql.bz2",
	XZ:    ".sql.xz",
	None:  ".sql",
}

// Ending is the ending of a dump's name with this compression, as in ".sql.zst".
func (c Compression) Ending() string {
	return endings[c]
}

// ByName returns the compression that the ending of a dump's name says. It returns false if the name is not a dump's.
func ByName(name string) (Compression, bool) {
	for c, ending := range endings {
		if strings.HasSuffix(name, ending) {
			return c, true
		}
	}
	return "", false
}

// MaxLevel is the highest level of the compression; the lowest is 1. It is 0 for a compression that is only read.
func (c Compression) MaxLevel() int {
	if form := containerOf(c); form != nil {
		return form.maxLevel()
	}
	return 0
}

// Signature returns the first bytes of every dump with that compression; nil for one that is only read.
func Signature(c Compression) []byte {
	form := containerOf(c)
	if form == nil {
		return nil
	}
	return bytes.Clone(form.signature())
}
