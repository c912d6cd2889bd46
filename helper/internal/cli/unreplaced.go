package cli

import (
	"errors"
	"strings"
)

// unreplaced is the error of a pull that did not replace the local database.
type unreplaced struct {
	database string
	err      error
}

func (e *unreplaced) Error() string { return e.err.Error() }

func (e *unreplaced) Unwrap() error { return e.err }

// unreplaced says of an error that it is one of a pull; see [pull.Plan.Run].
func (s *session) unreplaced(err error) error {
	if err == nil {
		return nil
	}
	return &unreplaced{s.project.Target.Name, err}
}

// remains says what a user who has lost databases to other tools wants to know first after a pull that was refused or has failed:
// "" if the hint says so already, or if the pull never came near the local database.
func remains(err error, code int, hint string) string {
	var failed *unreplaced
	if !errors.As(err, &failed) || strings.Contains(hint, "as it was") || strings.Contains(hint, "nothing was changed") {
		return ""
	}
	switch code {
	case exitGate, exitDamaged, exitLocal, exitNoSpace:
		return "the local database " + failed.database + " is as it was"
	}
	return ""
}
