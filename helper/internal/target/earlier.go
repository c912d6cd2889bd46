package target

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"time"
)

// The earlier databases are the previous one, which the last swap or undo replaced, and older ones. Each was live
// once. If only a part was replaced, the earlier database is what that part was before. A part belongs to one state
// of the live database: the state that replaced it. Together with that state it makes up the state before. So states
// have names, and each earlier database stores its own state and the one it belongs to. Earlier databases with all
// tables belong to any state.
//
// Every earlier database can be reached from the live one. Whatever moved the live database away from the state that
// a part belongs to has left an earlier database of that state, or parts of it, younger than the part itself. So the
// oldest databases can be dropped safely, and dropping others cuts off only older parts.

// Earlier is a database that was replaced and is kept.
type Earlier struct {
	// Database is its name on the server.
	Database string
	// Dump is the dump that it was loaded from, zero if unknown.
	Dump Dump
	// Replaced is when it was replaced; zero if an earlier version of this program did it.
	Replaced time.Time
	// Part means that it has only some tables, because only these were replaced.
	Part bool
	// Tables and Bytes are its size, as far as the server knows; -1 if it does not.
	Tables, Bytes int64
}

// Descent is what an earlier database stores about itself.
type Descent struct {
	// Serial is higher than the serials of all earlier databases of its time.
	Serial   int64     `json:"serial"`
	Replaced time.Time `json:"replaced"`
	// State is the name of the state that it brings back. Base is the state that replaced it.
	State string `json:"state"`
	Base  string `json:"base"`
}

// NewState returns an unused name for a state.
func NewState() string { return rand.Text() }

// Kept is an earlier database together with what is stored about it.
type Kept struct {
	Earlier
	Descent
}

// YoungestFirst sorts earlier databases. The previous one always comes first.
func YoungestFirst(all []Kept, previous string) {
	slices.SortStableFunc(all, func(a, b Kept) int {
		switch {
		case a.Database == previous:
			return -1
		case b.Database == previous:
			return 1
		}
		return cmp.Or(cmp.Compare(b.Serial, a.Serial), cmp.Compare(a.Database, b.Database))
	})
}

// NextSerial returns a serial higher than those of all earlier databases.
func NextSerial(all []Kept) int64 {
	next := int64(1)
	for _, k := range all {
		next = max(next, k.Serial+1)
	}
	return next
}

// AtNumber returns the earlier database with a number.
func AtNumber(all []Kept, number int) (Kept, error) {
	switch {
	case len(all) == 0:
		return Kept{}, ErrNothingToUndo
	case number < 1 || number > len(all):
		return Kept{}, &NoEarlierError{Number: number, Kept: len(all)}
	}
	return all[number-1], nil
}

// Surplus returns the earlier databases to drop because there are too many, the oldest first. It keeps a database
// with somebody's work, and if that is a part, also every database that may be needed to reach it.
func Surplus(all []Kept, keep int, hasWork func(Kept) (bool, error)) (drop []Kept, err error) {
	for _, k := range slices.Backward(all) {
		if len(all)-len(drop) <= max(keep, 1) || k.Database == all[0].Database {
			break
		}
		work, err := hasWork(k)
		switch {
		case err != nil:
			return nil, err
		case !work:
			drop = append(drop, k)
		case k.Part:
			return drop, nil
		}
	}
	return drop, nil
}

// Reachable fails with *PartOfError if an earlier database is a part that does not belong to the live database's
// state.
func Reachable(all []Kept, number int, live string) error {
	k := all[number-1]
	if !k.Part || k.Base == live {
		return nil
	}
	e := &PartOfError{Number: number}
	e.First = 1 + slices.IndexFunc(all, func(other Kept) bool { return other.State == k.Base })
	return e
}

// Listed returns earlier databases as callers see them.
func Listed(all []Kept) []Earlier {
	list := make([]Earlier, len(all))
	for i, k := range all {
		list[i] = k.Earlier
	}
	return list
}

// NoEarlierError means that there are not that many earlier databases.
type NoEarlierError struct{ Number, Kept int }

func (e *NoEarlierError) Error() string {
	if e.Kept == 1 {
		return fmt.Sprintf("there is no earlier database %d: one is kept", e.Number)
	}
	return fmt.Sprintf("there is no earlier database %d: %d are kept", e.Number, e.Kept)
}

// PartOfError means that an earlier database has only some tables, and that the others are not those of the live
// database.
type PartOfError struct {
	Number int
	// First is the number of the earlier database that has the other tables, 0 if none has.
	First int
}

func (e *PartOfError) Error() string {
	text := fmt.Sprintf("earlier database %d has only some tables; the others ", e.Number)
	if e.First == 0 {
		return text + "no longer exist"
	}
	return text + fmt.Sprintf("are in earlier database %d", e.First)
}
