// Package dumpfile writes and reads dumps as they lie in a bucket: SQL text cut into chunks that are
// compressed each by itself, so that a plain decompressor sees one stream, and behind them an index
// that plain decompressors skip. docs/format.md is the specification. It also reads the dumps that
// others made.
//
// The package knows no database and no network: it writes to an [Output] and reads from an io.Reader
// or io.ReaderAt.
//
// Nothing that a dump says about itself is believed before it is checked: every length is compared
// with the size of the object, and every chunk with its SHA-256, before memory is allocated or a
// byte handed on.
package dumpfile

import "strings"

// Compression is how a dump is compressed.
type Compression string

// The compressions. [NewWriter] knows the first two, [NewReader] all of them.
const (
	Zstd  Compression = "zstd"
	Gzip  Compression = "gzip"
	Bzip2 Compression = "bzip2"
	XZ    Compression = "xz"
	None  Compression = "none"
)

// endings has what the names of dumps end with. No ending is the end of another.
var endings = map[Compression]string{
	Zstd:  ".sql.zst",
	Gzip:  ".sql.gz",
	Bzip2: ".sql.bz2",
	XZ:    ".sql.xz",
	None:  ".sql",
}

// Ending is what the name of a dump with this compression ends with, as in ".sql.zst".
func (c Compression) Ending() string {
	return endings[c]
}

// ByName tells by the ending of a name how the dump is compressed, and false where the name is not
// one of a dump.
func ByName(name string) (Compression, bool) {
	for c, ending := range endings {
		if strings.HasSuffix(name, ending) {
			return c, true
		}
	}
	return "", false
}

// MaxLevel is the highest level of the compression, the lowest is 1; 0 where it is only read.
func (c Compression) MaxLevel() int {
	if form := containerOf(c); form != nil {
		return form.maxLevel()
	}
	return 0
}
