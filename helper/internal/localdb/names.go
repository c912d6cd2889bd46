package localdb

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// names are the databases that belong to one live database.
type names struct {
	live, incoming, previous, spare string
	// base is what the other three names begin with, and what the lock is called.
	base string
}

// all are these databases, but for those older than the previous one.
func (n names) all() []string { return []string{n.live, n.incoming, n.previous, n.spare} }

// has says whether a database is one of them, or an older one.
func (n names) has(database string) bool {
	return slices.Contains(n.all(), database) || n.isOlder(database)
}

// older is the name at a place where a database may be kept that is older than the previous one. A place says nothing of an age.
func (n names) older(place int) string { return fmt.Sprintf("%s__dump_older_%d", n.base, place) }

// isOlder says whether a database has such a name.
func (n names) isOlder(database string) bool {
	text, beside := strings.CutPrefix(database, n.base+"__dump_older_")
	place, err := strconv.Atoi(text)
	return beside && err == nil && place > 0 && n.older(place) == database
}

// freePlace gives a name for an older database that none of some databases has.
func (n names) freePlace(databases []string) string {
	place := 1
	for slices.Contains(databases, n.older(place)) {
		place++
	}
	return n.older(place)
}

const longestSuffix = len("__dump_incoming")

// namesFor gives the names beside live. A server cuts or refuses names longer than limit, in bytes or
// in characters: a long name gives way to its beginning and a hash of the whole.
func namesFor(live string, limit int, length func(string) int) names {
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
	return names{
		live: live, base: base,
		incoming: base + "__dump_incoming", previous: base + "__dump_previous", spare: base + "__dump_spare",
	}
}
