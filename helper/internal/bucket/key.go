package bucket

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
)

// Keys of dumps that dump-refresh made: NAME-20261122T063000Z-4f1c2a.sql.zst. The time is that of the
// snapshot, UTC; the random end keeps two dumps of one second apart.

// keyTime is the layout of the time in a key.
const keyTime = "20060102T150405Z"

// endings of objects that count as dumps, whoever put them there.
var endings = []string{".sql", ".sql.gz", ".sql.bz2", ".sql.xz", ".sql.zst"}

// anyProject matches the last part of a dump-refresh key of whatever project.
var anyProject = regexp.MustCompile(`^(.+)-([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{6}(\.sql(?:\.(?:gz|bz2|xz|zst))?)$`)

// keyPattern recognises one project's keys.
type keyPattern struct{ project string }

func newKeyPattern(project string) keyPattern { return keyPattern{project} }

// owner says whose a key is: ours with the snapshot's time, another project's, or nobody's (a dump
// that some other tool put there).
type owner int

const (
	nobody owner = iota
	ours
	sibling
)

// read takes the last part of a key.
func (p keyPattern) read(base string) (owner, time.Time) {
	m := anyProject.FindStringSubmatch(base)
	if m == nil {
		return nobody, time.Time{}
	}
	at, err := time.Parse(keyTime, m[2])
	switch {
	case err != nil: // looks like a time and is none
		return nobody, time.Time{}
	case m[1] != p.project:
		return sibling, at
	}
	return ours, at
}

// isDump says whether a name ends like a dump.
func isDump(base string) bool {
	for _, e := range endings {
		if strings.HasSuffix(base, e) && len(base) > len(e) {
			return true
		}
	}
	return false
}

// contentType is what browsers and tools are told about a dump.
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

// NewKey is the key of a new dump: PREFIX/PROJECT-20261122T063000Z-4f1c2a.sql.zst, ending being
// ".sql.zst" here. No two calls give the same.
func (b *Bucket) NewKey(snapshot time.Time, ending string) string {
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails
	return b.join(b.project + "-" + snapshot.UTC().Format(keyTime) + "-" + hex.EncodeToString(random[:]) + ending)
}

// Beside is the key of what is made of a dump for servers of one series, as in "mariadb-11.8": the dump's tables as files. It
// is no dump, and goes with the dump that it lies beside.
func Beside(dump, series string) string { return dump + "." + series + besideEnding }

// besideEnding is what such keys end with.
const besideEnding = ".tables.zst"

// anyBeside matches the last part of such a key. A series has no dot before a letter, so that there is one way to read it.
var anyBeside = regexp.MustCompile(`^(.+)\.([a-z]+-[0-9]+(?:\.[0-9]+)*)` + regexp.QuoteMeta(besideEnding) + `$`)

// DumpOf is the key of the dump that an object lies beside, by its key or the last part of it; of a dump it is its own.
func DumpOf(key string) string {
	dump, _ := readBaked(key)
	return dump
}

// readBaked takes the last part of a key apart: into that of the dump and the series, which is empty if the key is a dump's.
func readBaked(base string) (dump, series string) {
	if m := anyBeside.FindStringSubmatch(base); m != nil {
		return m[1], m[2]
	}
	return base, ""
}

// base is the last part of a key.
func base(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }
