package pull

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/gate"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// GateError means that a dump by another tool may be cut off: it has far fewer tables or rows than the local database that
// it would replace, and no end that proves it complete.
type GateError struct {
	gate.Loss
	// Name is the dump's name, Database the local database's.
	Name, Database string
}

func (e *GateError) Error() string {
	return fmt.Sprintf("%s may be cut off: it has %s, the local database %s has %d", e.Name, e.Loss, e.Database, e.Before)
}

// Unjudged returns a sentence that says that a dump by another tool may be incomplete; "" if its end proves it complete.
func Unjudged(name string, stats sqltext.Stats) string {
	maker := "another tool"
	switch {
	case stats.Bare:
		return fmt.Sprintf("cannot tell whether %s is complete: it has tables alone, without rows and keys, as with --section=pre-data", name)
	case stats.Complete:
		return ""
	case stats.Tool != "":
		maker = stats.Tool
	}
	return fmt.Sprintf("cannot tell whether %s is complete: %s does not mark the end of a dump", name, maker)
}

// judge notes that a dump by another tool may be incomplete. It then compares the dump with the database that it would
// replace: far fewer tables or rows need the user's consent.
func (p *Plan) judge(ctx context.Context, load target.Load, from source, stats sqltext.Stats) error {
	note := Unjudged(from.object.Name, stats)
	if from.index != nil || note == "" {
		return nil
	}
	p.Progress.Note(note)
	if p.Force {
		return nil
	}
	replaced, err := load.Replaced(ctx)
	if err != nil {
		return err
	}
	name := p.database.Info().Name
	loss, lost := gate.CompareUnruled(comparable(stats.Tables), comparable(replaced))
	if !lost {
		return nil
	}
	refused := &GateError{loss, from.object.Name, name}
	if p.Accept == nil {
		return refused
	}
	return p.Accept(ctx, refused)
}

// comparable normalizes the names of tables, which dumps write with or without their schema and in either case.
func comparable(tables map[string]int64) gate.Contents {
	c := gate.Contents{Tables: make(map[string]int64, len(tables))}
	for name, rows := range tables {
		name = strings.TrimPrefix(strings.ToLower(name), "public.")
		if known := c.Tables[name]; known < 0 || rows < 0 {
			c.Tables[name] = -1
		} else {
			c.Tables[name] = known + rows
		}
	}
	return c
}
