package target

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"time"
)

// The earlier databases are the previous one, which the last swap or undo has replaced, and older ones. Each was live once, or, where only
// a part was replaced, is what that part was. A part belongs to one state of the live database, the one that came in its place, and to no
// other: with that it gives the state that was before. So states have names, and each earlier database says which one it is and which
// one it belongs to. Those that have all belong to any.
//
// From the live database a way leads to each: whatever has taken the live database away from the state that a part belongs to has left an
// earlier database of that state, or parts of it, which are younger than the part itself. So dropping the oldest ones takes away no way, and
// dropping others none but to older parts.

// Earlier is a database that was replaced and is kept.
type Earlier struct {
	// Database is its name on the server.
	Database string
	// Dump is the one that it was loaded from, zero where nobody knows.
	Dump Dump
	// Replaced is when; zero where an earlier version of this program has done it.
	Replaced time.Time
	// Part means that only some tables were replaced, which are all that it has.
	Part bool
	// Tables and Bytes are how much it has, as far as the server tells; -1 where it does not.
	Tables, Bytes int64
}

// Descent is what an earlier database says of itself.
type Descent struct {
	// Serial is higher than those of the earlier databases that were there before.
	Serial   int64     `json:"serial"`
	Replaced time.Time `json:"replaced"`
	// State is the name of the state that it brings back, Base that of the one that replaced it.
	State string `json:"state"`
	Base  string `json:"base"`
}

// NewState gives a name that no state has.
func NewState() string { return rand.Text() }

// Kept is an earlier database, and what is written down of it.
type Kept struct {
	Earlier
	Descent
}

// YoungestFirst sorts earlier databases: the previous one is the first in any case.
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

// NextSerial is higher than those of some earlier databases.
func NextSerial(all []Kept) int64 {
	next := int64(1)
	for _, k := range all {
		next = max(next, k.Serial+1)
	}
	return next
}

// AtNumber gives the earlier database that has a number.
func AtNumber(all []Kept, number int) (Kept, error) {
	switch {
	case len(all) == 0:
		return Kept{}, ErrNothingToUndo
	case number < 1 || number > len(all):
		return Kept{}, &NoEarlierError{Number: number, Kept: len(all)}
	}
	return all[number-1], nil
}

// Surplus gives those of all earlier databases that are to be dropped because they are too many, the oldest first. One with somebody's
// work stays, and so does whatever the way to it may lead over, where it is a part.
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

// Reachable fails with *PartOfError where an earlier database is a part that does not belong to a state of the live database.
func Reachable(all []Kept, number int, live string) error {
	k := all[number-1]
	if !k.Part || k.Base == live {
		return nil
	}
	e := &PartOfError{Number: number}
	e.First = 1 + slices.IndexFunc(all, func(other Kept) bool { return other.State == k.Base })
	return e
}

// Listed gives earlier databases as others see them.
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

// PartOfError means that an earlier database has only some tables, and that the others are not those of the live database.
type PartOfError struct {
	Number int
	// First is the number of the earlier database that has the others, 0 where none has.
	First int
}

func (e *PartOfError) Error() string {
	text := fmt.Sprintf("earlier database %d has only some tables; the others ", e.Number)
	if e.First == 0 {
		return text + "no longer exist"
	}
	return text + fmt.Sprintf("are in earlier database %d", e.First)
}
