package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// State identifies what a dump would contain, without reading any rows. Its text is stored with a dump and compared
// later.
//
// It has two parts, and if either is unchanged, the database is unchanged. Position is the server's log position: if it
// is the same, nobody wrote to any database of the server. Contents is what the server remembers about each table: it does
// not change when other databases are written to, but the server can lose it, for example at a restart. A state may
// differ without a reason, but an unchanged state never hides a change that was committed before State was called.
type State struct {
	Position, Contents string // empty if the server does not provide it
	// Doubt tells the user why there are no contents; empty if there are.
	Doubt string
}

// String returns the state as it is stored: two hashes, or "" if neither part is known.
func (s State) String() string {
	if s.Position == "" && s.Contents == "" {
		return ""
	}
	return s.Position + "." + s.Contents
}

// Same reports whether nothing has changed since the state with the text kept was read.
func (s State) Same(kept string) bool {
	position, contents, _ := strings.Cut(kept, ".")
	return s.Position != "" && s.Position == position || s.Contents != "" && s.Contents == contents
}

// State reads the source's state, which takes milliseconds. Call it before the dump's snapshot is taken: a change in
// between then counts as a change at the next comparison. A source without a state returns a Doubt, not an error.
func (s *Source) State(ctx context.Context) (State, error) {
	state, err := s.server.State(ctx)
	if err != nil && ctx.Err() != nil {
		return State{}, context.Cause(ctx)
	}
	return state, err
}

// stateFormat is part of every state. A new number invalidates all stored states: it is needed when the contents of a
// dump change, or how a state is read.
const stateFormat = "1"

// Fingerprint is a hash of a sequence of values.
type Fingerprint struct{ hash hash.Hash }

// NewFingerprint starts a fingerprint with the given values.
func NewFingerprint(values ...string) Fingerprint {
	f := Fingerprint{sha256.New()}
	f.Add(values...)
	return f
}

// Add adds values; their order matters.
func (f Fingerprint) Add(values ...string) {
	for _, value := range values {
		fmt.Fprintf(f.hash, "%d:%s", len(value), value)
	}
}

// AddLines adds lists of values; the order of the lists does not matter.
func (f Fingerprint) AddLines(lines [][]string) {
	slices.SortFunc(lines, slices.Compare[[]string])
	f.Add(fmt.Sprint(len(lines)))
	for _, line := range lines {
		f.Add(fmt.Sprint(len(line)))
		f.Add(line...)
	}
}

func (f Fingerprint) String() string { return hex.EncodeToString(f.hash.Sum(nil)[:16]) }

// StateOf starts a fingerprint with everything besides the database that determines a dump.
func (c *Config) StateOf(source string, info ...string) Fingerprint {
	f := NewFingerprint(stateFormat, source, fmt.Sprint(c.Client))
	f.AddLines([][]string{append([]string{"structure only"}, slices.Sorted(slices.Values(c.StructureOnly))...)})
	f.AddLines([][]string{append([]string{"exclude"}, slices.Sorted(slices.Values(c.Exclude))...)})
	for _, rule := range c.Rows {
		f.Add("rows", rule.Table, rule.Where, fmt.Sprint(rule.Limit))
	}
	f.Add(info...)
	return f
}
