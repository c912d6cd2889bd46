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

// State says, without a row having been read, whether a dump would still hold what an earlier one holds. Its text is
// kept with a dump and compared later.
//
// There are two ways to tell. The position is that of the whole server: where it stands still, nothing was written
// there at all. The contents are what the server remembers of each table: they stand still while others are written
// to, but servers forget. That either is the same is enough. A state that differs may do so for no reason; one that
// is the same never hides a change that was committed before State was called.
type State struct {
	Position, Contents string // empty where the server cannot tell
	// Doubt is why the contents cannot be told, for the user to read; empty where they can.
	Doubt string
}

// String is the state as it is kept: two hashes, or nothing where nothing can be told.
func (s State) String() string {
	if s.Position == "" && s.Contents == "" {
		return ""
	}
	return s.Position + "." + s.Contents
}

// Same says whether nothing has changed since a state was read of which this is the text.
func (s State) Same(kept string) bool {
	position, contents, _ := strings.Cut(kept, ".")
	return s.Position != "" && s.Position == position || s.Contents != "" && s.Contents == contents
}

// State reads the source's state, in milliseconds. It is to be read before a dump's snapshot is taken: what changes in
// between then looks changed the next time. That a source cannot tell is a doubt and no error.
func (s *Source) State(ctx context.Context) (State, error) {
	state, err := s.server.State(ctx)
	if err != nil && ctx.Err() != nil {
		return State{}, context.Cause(ctx)
	}
	return state, err
}

// stateFormat is part of every state. A new number has all dumps made anew: for when what a dump holds changes, or how
// a state is read.
const stateFormat = "1"

// Fingerprint is a hash of values in order.
type Fingerprint struct{ hash hash.Hash }

// NewFingerprint begins a fingerprint with some values.
func NewFingerprint(values ...string) Fingerprint {
	f := Fingerprint{sha256.New()}
	f.Add(values...)
	return f
}

// Add adds values in order.
func (f Fingerprint) Add(values ...string) {
	for _, value := range values {
		fmt.Fprintf(f.hash, "%d:%s", len(value), value)
	}
}

// AddLines adds lists of values in no order.
func (f Fingerprint) AddLines(lines [][]string) {
	slices.SortFunc(lines, slices.Compare[[]string])
	f.Add(fmt.Sprint(len(lines)))
	for _, line := range lines {
		f.Add(fmt.Sprint(len(line)))
		f.Add(line...)
	}
}

func (f Fingerprint) String() string { return hex.EncodeToString(f.hash.Sum(nil)[:16]) }

// StateOf begins a fingerprint with what a dump depends on besides the database.
func (c *Config) StateOf(source string, info ...string) Fingerprint {
	f := NewFingerprint(stateFormat, source, fmt.Sprint(c.Client))
	f.AddLines([][]string{append([]string{"structure only"}, slices.Sorted(slices.Values(c.StructureOnly))...)})
	f.AddLines([][]string{append([]string{"exclude"}, slices.Sorted(slices.Values(c.Exclude))...)})
	f.Add(info...)
	return f
}
