package pull

import (
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// UnmaskedError means that a dump was refused because nothing in it is masked.
type UnmaskedError struct{ Dump string }

func (e *UnmaskedError) Error() string {
	return e.Dump + " may contain personal data: nothing in it is masked, and DUMP_REQUIRE_MASKED is set"
}

// judgeMasking says before anything is loaded whether a dump is masked, or refuses one that is not. index is nil for a dump by another tool.
func (p *Plan) judgeMasking(index *dumpfile.Index) error {
	switch {
	case index.IsMasked():
		note := fmt.Sprintf("%s is masked (%d of its columns)", p.Dump.Name, len(index.Masking.Columns))
		if n := len(index.Masking.Accepted); n > 0 {
			note += fmt.Sprintf("; %d may have personal values, with reasons that inspect shows", n)
		}
		p.Progress.Note(note)
	case p.RequireMasked:
		return &UnmaskedError{p.Dump.Name}
	case p.Masks:
		p.Progress.Note(p.Dump.Name + " may contain personal data: nothing in it is masked, although this project's rules mask columns")
	}
	return nil
}
