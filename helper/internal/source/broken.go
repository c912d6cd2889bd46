package source

import (
	"fmt"
	"strings"
)

// Broken is an object on staging that nobody can read, whatever privileges they have.
type Broken struct {
	Kind   string `json:"kind"` // table, rows of table, view, trigger, event, procedure, function
	Name   string `json:"name"`
	Reason string `json:"reason"` // in the server's words
}

func (b Broken) String() string { return b.Kind + " " + b.Name + ": " + b.Reason }

// A BrokenError names all objects of a database that nobody can read.
type BrokenError struct{ Objects []Broken }

func (e *BrokenError) Error() string {
	var each []string
	for _, b := range e.Objects {
		each = append(each, b.String())
	}
	if len(each) == 1 {
		return "nobody can read " + each[0]
	}
	return fmt.Sprintf("nobody can read %d objects: %s", len(each), strings.Join(each, "; "))
}
