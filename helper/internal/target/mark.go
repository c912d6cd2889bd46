package target

// Choice is why a database is the one that its user wants, so that nobody replaces it unasked; "" where it is just the newest dump of then.
type Choice string

// The choices that are made.
const (
	ChosenDump  Choice = "chosen" // a dump was pulled that was asked for by its key or time
	ChosenPart  Choice = "part"   // a part of a dump was put into it
	Undone      Choice = "undone" // it was brought back by Undo
	Unrequested Choice = ""
)

// Mark changes what is recorded of the live database.
type Mark int

// The marks.
const (
	// Hold keeps the database: see [Contents].
	Hold Mark = iota
	// Release takes back Hold and every [Choice]: the database as it is now is one that may be replaced, and it has changed only when it is
	// changed from now on.
	Release
)

// Apply changes a record that describes the live database.
func (m Mark) Apply(r *Provenance, token string) {
	switch m {
	case Hold:
		r.Hold = true
	case Release:
		r.Hold, r.Choice, r.Token = false, Unrequested, token
	}
}

// NoteReleased notes in a record what had been changed when its database was released.
func (r *Provenance) NoteReleased(changes Changes) {
	if changes = changes.And(r.Released); changes.Changed() {
		r.Released = &changes
	}
}
