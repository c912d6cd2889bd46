package refresh

import (
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/gate"
)

var (
	// ErrEmpty means that the staging database has nothing to publish, even with Force.
	ErrEmpty = errors.New("the staging database has no tables")
	// ErrNoTables means that the staging database has views or routines, but no tables. Force publishes them.
	ErrNoTables = errors.New("the staging database has views or routines, but no tables")
)

// GateError means that a dump is formally complete but suspiciously small.
type GateError struct {
	gate.Loss
	// Previous is the name of the dump that it was compared with.
	Previous string
}

func (e *GateError) Error() string {
	return fmt.Sprintf("the dump has %s, the last one had %d (%s)", e.Loss, e.Before, e.Previous)
}

// compare fails for a dump with suspiciously fewer tables or rows than the one before.
func compare(now, before gate.Contents, previous string) error {
	if loss, lost := gate.Compare(now, before); lost {
		return &GateError{loss, previous}
	}
	return nil
}
