package pull

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/gate"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// GateError means that a dump by another tool, of which nothing tells whether it is complete, holds far less than the
// local database that it would replace.
type GateError struct {
	gate.Loss
	// Name is that of the dump, Database that of the local database.
	Name, Database string
}

func (e *GateError) Error() string {
	return fmt.Sprintf("%s may be cut off: it has %s, the local database %s has %d", e.Name, e.Loss, e.Database, e.Before)
}

// Unjudged says, in a sentence, that nothing tells whether a dump by another tool is complete; "" where something does.
func Unjudged(name string, stats sqltext.Stats) string {
	maker := "another tool"
	switch {
	case stats.Complete:
		return ""
	case stats.Tool != "":
		maker = stats.Tool
	}
	return fmt.Sprintf("whether %s is complete could not be judged: %s has written nothing at its end that tells", name, maker)
}

// judge says where nobody can tell whether a dump by another tool is complete, and has it compared then with what it would
// replace: far fewer tables or rows need a yes.
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

// comparable gives tables names that do not depend on how a dump writes them: with or without their schema, in capitals or not.
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
