package sourcetest

import (
	"crypto/sha256"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// Borders compares the chunks of rows in the dumps of a database, each read over another number of connections.
type Borders struct {
	url     string
	threads int
	before  map[[sha256.Size]byte]bool
}

// NewBorders reads the first dump.
func NewBorders(t *testing.T, url string) *Borders {
	t.Helper()
	b := &Borders{url: url}
	b.Changed(t)
	return b
}

// Changed reads another dump. It returns how many bytes of its rows are in chunks that the dump before does not have, and how many there are.
func (b *Borders) Changed(t *testing.T) (changed, all int) {
	t.Helper()
	b.threads = b.threads%4 + 1
	from, _ := Open(t, source.Config{URL: ParseURL(t, b.url), Threads: b.threads})
	chunks, _ := ChunksOf(t, from)
	now := map[[sha256.Size]byte]bool{}
	for _, chunk := range chunks {
		if chunk.Section != dump.Rows {
			continue
		}
		sum := sha256.Sum256(chunk.SQL)
		now[sum] = true
		all += len(chunk.SQL)
		if !b.before[sum] {
			changed += len(chunk.SQL)
		}
	}
	b.before = now
	return changed, all
}
