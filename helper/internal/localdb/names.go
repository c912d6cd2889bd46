package localdb

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"unicode/utf8"
)

// names are the databases that belong to one live database.
type names struct {
	live, incoming, previous, spare string
	// base is what the other three names begin with, and what the lock is called.
	base string
}

// all are these databases.
func (n names) all() []string { return []string{n.live, n.incoming, n.previous, n.spare} }

// has says whether a database is one of them.
func (n names) has(database string) bool { return slices.Contains(n.all(), database) }

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
