package pull

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Reason is why a pull with IfNewer keeps the local database although there is a newer dump; "" if it does not keep it.
type Reason string

// The reasons.
const (
	Held     Reason = "held"     // the user holds it
	Chosen   Reason = "chosen"   // the user asked for it by a key or a time
	Part     Reason = "part"     // a part of a dump was pulled into it
	Undone   Reason = "undone"   // undo has brought it back
	Restored Reason = "restored" // the server's files were replaced: their provenance is older than this machine's last pull
	Foreign  Reason = "foreign"  // it was not made by a pull
	Changed  Reason = "changed"  // it was changed since it was pulled, or may have been
)

// choices are the reasons that the local database's provenance gives.
var choices = map[target.Choice]Reason{target.ChosenDump: Chosen, target.ChosenPart: Part, target.Undone: Undone}

// ErrHeld means that the user holds the local database.
var ErrHeld = errors.New("the local database is held")

// State is the state of the local database before a pull.
type State struct {
	// Contents says what it contains.
	Contents target.Contents
	// Stays is why IfNewer must not replace it; "" if it may, or if that was not checked.
	Stays Reason
	// Changes are set if they are the reason, or if they were looked for.
	Changes target.Changes
}

// State examines the local database, including all rows that count as changes.
func (c Config) State(ctx context.Context, database target.Database) (s State, err error) {
	if s.Contents, err = database.Contents(ctx); err != nil {
		return s, err
	}
	s.Stays = c.ownReason(s.Contents)
	if !s.Contents.Empty && s.Stays != Foreign {
		if s.Changes, err = database.Changes(ctx); s.Stays == "" && s.Changes.Changed() {
			s.Stays = Changed
		}
	}
	return s, err
}

// ownReason returns the reason that the provenance gives for keeping the local database.
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

// Allowed fails with ErrHeld if the user holds the local database. With IfNewer that is a reason to stay, and no error.
func (p *Plan) Allowed() error {
	if p.Contents.Hold && !p.IfNewer {
		return ErrHeld
	}
	return nil
}

// Look completes the plan's state. Until then only what the decision needed is known.
func (p *Plan) Look(ctx context.Context) (err error) {
	p.State, err = p.Config.State(ctx, p.database)
	return err
}

// changed reports whether the local database was changed, if that matters.
func (p *Plan) changed(ctx context.Context) (_ bool, err error) {
	if p.Contents.Empty || p.DiscardChanges {
		return false, nil
	}
	p.Changes, err = p.database.Changes(ctx)
	return p.Changes.Changed(), err
}

// errStays ends a pull with IfNewer because the local database must no longer be replaced.
var errStays = errors.New("the local database stays as it is")

// recheck checks just before the swap whether IfNewer may still replace the local database: loading takes time.
func (p *Plan) recheck(ctx context.Context) error {
	if !p.IfNewer || p.Selection.IsPart() { // PostgreSQL accepts no connection while a part is replaced
		return nil
	}
	held, err := p.database.Contents(ctx)
	if err != nil {
		return err
	}
	if held.Empty {
		return nil
	}
	p.Contents = held
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

// choice is the reason for this pull that the local database's provenance will record.
func (c Config) choice() target.Choice {
	switch {
	case c.Selection.IsPart() && !c.IfNewer:
		return target.ChosenPart
	case c.Key != "" || !c.AsOf.IsZero():
		return target.ChosenDump
	}
	return target.Unrequested
}

// NewToken makes a token for a provenance: see [target.Config].
func NewToken() string {
	token := make([]byte, 8)
	_, _ = rand.Read(token) // never fails
	return hex.EncodeToString(token)
}

// remember stores the tokens that the local database's provenance may have from now on.
func (c Config) remember(tokens ...string) {
	if c.Remember == nil {
		return
	}
	if err := c.Remember(tokens...); err != nil {
		c.Progress.Note(err.Error())
	}
}
