package bucket

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
)

// The keys of our dumps look like NAME-20261122T063000Z-4f1c2a.sql.zst. The time is the snapshot's, in UTC. The random end
// distinguishes dumps of the same second.

// keyTime is the layout of the time in a key.
const keyTime = "20060102T150405Z"

// endings are the endings of objects that count as dumps, whichever tool made them.
var endings = []string{".sql", ".sql.gz", ".sql.bz2", ".sql.xz", ".sql.zst"}

// anyProject matches the last part of any project's dump-refresh key.
var anyProject = regexp.MustCompile(`^(.+)-([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{6}(\.sql(?:\.(?:gz|bz2|xz|zst))?)$`)

// keyPattern matches one project's keys.
type keyPattern struct{ project string }

func newKeyPattern(project string) keyPattern { return keyPattern{project} }

// owner is the owner of a key: this project with the snapshot's time, another project, or nobody (a dump by another tool).
type owner int

const (
	nobody owner = iota
	ours
	sibling
)

// read parses the last part of a key.
func (p keyPattern) read(base string) (owner, time.Time) {
	m := anyProject.FindStringSubmatch(base)
	if m == nil {
		return nobody, time.Time{}
	}
	at, err := time.Parse(keyTime, m[2])
	switch {
	case err != nil: // looks like a time but is not valid
		return nobody, time.Time{}
	case m[1] != p.project:
		return sibling, at
	}
	return ours, at
}

// isDump reports whether a name has the ending of a dump's.
func isDump(base string) bool {
	for _, e := range endings {
		if strings.HasSuffix(base, e) && len(base) > len(e) {
			return true
		}
	}
	return false
}

// contentType is the content type of a dump.
func contentType(key string) string {
	switch {
	case strings.HasSuffix(key, ".zst"):
		return "application/zstd"
	case strings.HasSuffix(key, ".gz"):
		return "application/gzip"
	case strings.HasSuffix(key, ".sql"):
		return "application/sql"
	}
	return "application/octet-stream"
}

// NewKey returns a key for a new dump: PREFIX/PROJECT-20261122T063000Z-4f1c2a.sql.zst if ending is ".sql.zst". No two calls return
// the same.
func (b *Bucket) NewKey(snapshot time.Time, ending string) string {
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails
	return b.join(b.project + "-" + snapshot.UTC().Format(keyTime) + "-" + hex.EncodeToString(random[:]) + ending)
}

// Beside returns the key of the tables as files that are baked from a dump for a series of servers, as in "mariadb-11.8". The object
// is not a dump and is deleted with its dump.
func Beside(dump, series string) string { return dump + "." + series + besideEnding }

// besideEnding is the ending of such keys.
const besideEnding = ".tables.zst"

// anyBeside matches the last part of such a key. A series has no dot before a letter, so there is only one way to parse it.
var anyBeside = regexp.MustCompile(`^(.+)\.([a-z]+-[0-9]+(?:\.[0-9]+)*)` + regexp.QuoteMeta(besideEnding) + `$`)

// DumpOf returns the key of the dump that an object was baked from, by the object's key or its last part. For a dump it returns
// the same key.
func DumpOf(key string) string {
	dump, _ := readBaked(key)
	return dump
}

// readBaked splits the last part of a key into that of the dump and the series, which is empty if the key is a dump's.
func readBaked(base string) (dump, series string) {
	if m := anyBeside.FindStringSubmatch(base); m != nil {
		return m[1], m[2]
	}
	return base, ""
}

// base returns the last part of a key.
func base(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }
