package pull

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Reason is why a pull that nobody has asked for leaves the local database as it is, though there is a newer dump; "" where it does not.
type Reason string

// The reasons.
const (
	Held     Reason = "held"     // the user holds it
	Chosen   Reason = "chosen"   // it was asked for by a key or a time
	Part     Reason = "part"     // a part of a dump was put into it
	Undone   Reason = "undone"   // undo has brought it back
	Restored Reason = "restored" // the server's files were replaced: what is recorded there is not what was done last from here
	Foreign  Reason = "foreign"  // it came by other means than a pull
	Changed  Reason = "changed"  // it was changed since it was pulled, or nobody can tell
)

// choices are reasons that the local database's own record gives.
var choices = map[target.Choice]Reason{target.ChosenDump: Chosen, target.ChosenPart: Part, target.Undone: Undone}

// ErrHeld means that the user holds the local database.
var ErrHeld = errors.New("the local database is held")

// State is what there is to say of the local database before a pull.
type State struct {
	// Held is what it holds.
	Held target.Contents
	// Stays is why it is not replaced unasked; "" where nothing keeps it, or nobody has looked.
	Stays Reason
	// Changes are known where they are the reason, and where somebody has looked for them.
	Changes target.Changes
}

// State looks at the local database, at all rows that count.
func (c Config) State(ctx context.Context, database target.Database) (s State, err error) {
	if s.Held, err = database.Contents(ctx); err != nil {
		return s, err
	}
	s.Stays = c.ownReason(s.Held)
	if !s.Held.Empty && s.Stays != Foreign {
		if s.Changes, err = database.Changes(ctx); s.Stays == "" && s.Changes.Changed() {
			s.Stays = Changed
		}
	}
	return s, err
}

// ownReason says why what is recorded keeps the local database from being replaced unasked.
func (c Config) ownReason(held target.Contents) Reason {
	switch reason := choices[held.Choice]; {
	case held.Hold:
		return Held
	case held.Token != "" && !slices.Contains(c.Tokens, held.Token):
		return Restored
	case reason != "":
		return reason
	case !held.Empty && held.Token == "" && held.Dump.Key == "":
		return Foreign
	}
	return ""
}

// Allowed refuses, with ErrHeld, what the user has asked for where the user holds the local database.
func (p *Plan) Allowed() error {
	if p.Held.Hold && !p.IfNewer {
		return ErrHeld
	}
	return nil
}

// Look completes the plan's state, which is known only as far as it decides something.
func (p *Plan) Look(ctx context.Context) (err error) {
	p.State, err = p.Config.State(ctx, p.database)
	return err
}

// changed says whether the local database was changed, where that matters.
func (p *Plan) changed(ctx context.Context) (_ bool, err error) {
	if p.Held.Empty || p.DiscardChanges {
		return false, nil
	}
	p.Changes, err = p.database.Changes(ctx)
	return p.Changes.Changed(), err
}

// errStays ends a pull that nobody has asked for, because the local database has become one that stays.
var errStays = errors.New("the local database stays as it is")

// recheck looks just before the swap whether the local database is still one that may be replaced unasked: to load takes its time.
func (p *Plan) recheck(ctx context.Context) error {
	if !p.IfNewer || p.Selection.IsPart() { // PostgreSQL lets nobody in while a part is replaced
		return nil
	}
	held, err := p.database.Contents(ctx)
	if err != nil {
		return err
	}
	if held.Empty {
		return nil
	}
	p.Held = held
	if p.Stays = p.ownReason(held); p.Stays == "" {
		changed, err := p.changed(ctx)
		if err != nil {
			return err
		}
		if changed {
			p.Stays = Changed
		}
	}
	if p.Stays != "" {
		return errStays
	}
	return nil
}

// choice is what the record of the local database will say of why it holds what this plan brings.
func (c Config) choice() target.Choice {
	switch {
	case c.Selection.IsPart() && !c.IfNewer:
		return target.ChosenPart
	case c.Key != "" || !c.AsOf.IsZero():
		return target.ChosenDump
	}
	return target.Unrequested
}

// NewToken makes a token for a record: see [localdb.Config].
func NewToken() string {
	token := make([]byte, 8)
	_, _ = rand.Read(token) // never fails
	return hex.EncodeToString(token)
}

// remember tells the tokens that the record beside the local database may have from now on.
func (c Config) remember(tokens ...string) {
	if c.Remember == nil {
		return
	}
	if err := c.Remember(tokens...); err != nil {
		c.Progress.Note(err.Error())
	}
}
