package target

// Choice is why the user wants this database, so that a pull does not replace it without being asked to; "" if it is
// just the newest dump of its time.
type Choice string

// The choices that users make.
const (
	ChosenDump  Choice = "chosen" // a dump was pulled by its key or time
	ChosenPart  Choice = "part"   // a part of a dump was pulled into it
	Undone      Choice = "undone" // Undo brought it back
	Unrequested Choice = ""
)

// Mark is a change to the provenance of the live database.
type Mark int

// The marks.
const (
	// Hold keeps the database: see [Contents].
	Hold Mark = iota
	// Release removes Hold and every [Choice]: the database may be replaced as it is now, and only later changes
	// count.
	Release
)

// Apply changes the provenance of the live database.
func (m Mark) Apply(r *Provenance, token string) {
	switch m {
	case Hold:
		r.Hold = true
	case Release:
		r.Hold, r.Choice, r.Token = false, Unrequested, token
	}
}

// NoteReleased stores what had been changed when the database was released.
func (r *Provenance) NoteReleased(changes Changes) {
	if changes = changes.And(r.Released); changes.Changed() {
		r.Released = &changes
	}
}
