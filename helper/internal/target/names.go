package target

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Names are the databases that belong to a live database.
type Names struct {
	Live, Incoming, Previous, Spare string
	// Base is how the other three names begin, and the name of the lock.
	Base string
}

// All are these databases without those older than the previous one.
func (n Names) All() []string { return []string{n.Live, n.Incoming, n.Previous, n.Spare} }

// Has reports whether a database is one of them, or an older one.
func (n Names) Has(database string) bool {
	return slices.Contains(n.All(), database) || n.IsOlder(database)
}

// older is the name of a slot for a database older than the previous one. The number of a slot does not tell an age.
func (n Names) older(slot int) string { return fmt.Sprintf("%s__dump_older_%d", n.Base, slot) }

// IsOlder reports whether a database has the name of such a slot.
func (n Names) IsOlder(database string) bool {
	text, beside := strings.CutPrefix(database, n.Base+"__dump_older_")
	slot, err := strconv.Atoi(text)
	return beside && err == nil && slot > 0 && n.older(slot) == database
}

// FreeSlot returns the name of a slot that none of the databases has.
func (n Names) FreeSlot(databases []string) string {
	slot := 1
	for slices.Contains(databases, n.older(slot)) {
		slot++
	}
	return n.older(slot)
}

const longestSuffix = len("__dump_incoming")

// NamesFor returns the names beside live. A server cuts or refuses names longer than limit, in bytes or
// in characters: a long name gives way to its beginning and a hash of the whole.
func NamesFor(live string, limit int, length func(string) int) Names {
	base := live
	if length(base)+longestSuffix > limit {
		sum := sha256.Sum256([]byte(live))
		tail := "_" + hex.EncodeToString(sum[:4])
		for length(base)+len(tail)+longestSuffix > limit {
			_, size := utf8.DecodeLastRuneInString(base)
			base = base[:len(base)-size]
		}
		base += tail
	}
	return Names{
		Live: live, Base: base,
		Incoming: base + "__dump_incoming", Previous: base + "__dump_previous", Spare: base + "__dump_spare",
	}
}
