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

// Names are the databases that belong to one live database.
type Names struct {
	Live, Incoming, Previous, Spare string
	// Base is what the other three names begin with, and what the lock is called.
	Base string
}

// All are these databases, but for those older than the previous one.
func (n Names) All() []string { return []string{n.Live, n.Incoming, n.Previous, n.Spare} }

// Has says whether a database is one of them, or an older one.
func (n Names) Has(database string) bool {
	return slices.Contains(n.All(), database) || n.IsOlder(database)
}

// older is the name at a place where a database may be kept that is older than the previous one. A place says nothing of an age.
func (n Names) older(place int) string { return fmt.Sprintf("%s__dump_older_%d", n.Base, place) }

// IsOlder says whether a database has such a name.
func (n Names) IsOlder(database string) bool {
	text, beside := strings.CutPrefix(database, n.Base+"__dump_older_")
	place, err := strconv.Atoi(text)
	return beside && err == nil && place > 0 && n.older(place) == database
}

// FreeSlot gives a name for an older database that none of some databases has.
func (n Names) FreeSlot(databases []string) string {
	place := 1
	for slices.Contains(databases, n.older(place)) {
		place++
	}
	return n.older(place)
}

const longestSuffix = len("__dump_incoming")

// NamesFor gives the names beside live. A server cuts or refuses names longer than limit, in bytes or
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
