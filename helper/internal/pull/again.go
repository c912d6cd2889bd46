package pull

import (
	"io"
	"os"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// open opens the cached copy of a dump that was pulled before, and returns its size, too. The file is nil if the cache does not have it, or
// has another one of that key.
func (c *cache) open(dump target.Dump) (*os.File, int64, *dumpfile.Index) {
	file, err := os.Open(c.dumpPath(dump.Key))
	if err != nil {
		return nil, 0, nil
	}
	if info, err := file.Stat(); err == nil {
		if index := indexOf(file, info.Size(), dump); index != nil {
			return file, info.Size(), index
		}
	}
	_ = file.Close()
	return nil, 0, nil
}

// indexOf returns the index of an object; nil if it is not the dump that is meant.
func indexOf(object io.ReaderAt, size int64, dump target.Dump) *dumpfile.Index {
	compression, ours := dumpfile.ByName(dump.Key)
	if !ours || dump.Index == "" {
		return nil
	}
	index, err := dumpfile.ReadIndex(object, size, compression)
	if err != nil || index.Digest().String() != dump.Index {
		return nil
	}
	return index
}

// among returns what reports whether a table is one of some, by its exact name and by its name regardless of case: see [target.Part].
func among(tables []string) (exactly, folded func(table string) bool) {
	names, lower := make(map[string]bool, len(tables)), make(map[string]bool, len(tables))
	for _, table := range tables {
		names[table], lower[strings.ToLower(table)] = true, true
	}
	return func(table string) bool { return names[table] }, func(table string) bool { return lower[strings.ToLower(table)] }
}

// not reports the opposite.
func not(is func(table string) bool) func(table string) bool {
	return func(table string) bool { return !is(table) }
}
