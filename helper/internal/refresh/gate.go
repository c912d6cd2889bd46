package refresh

import (
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/gate"
)

// ErrEmpty means that the staging database has no table, so that there is nothing to publish. Force does not help.
var ErrEmpty = errors.New("the staging database has no tables")

// GateError means that a dump came to its end but looks as if something were missing from it.
type GateError struct {
	gate.Loss
	// Previous is the key of the dump that it was compared with.
	Previous string
}

func (e *GateError) Error() string {
	return fmt.Sprintf("the dump has %s, the last one had %d (%s)", e.Loss, e.Before, e.Previous)
}

// compare refuses a dump with suspiciously fewer tables or rows than the one before.
func compare(now, before gate.Contents, previous string) error {
	if loss, lost := gate.Compare(now, before); lost {
		return &GateError{loss, previous}
	}
	return nil
}
