package target

// Once passes on only the first note about each subject.
type Once struct {
	note func(string)
	seen map[string]bool
	lost []string
}

// NewOnce passes notes on to a function.
func NewOnce(note func(string)) *Once { return &Once{note: note, seen: map[string]bool{}} }

// About passes a note on if it is the first about its subject.
func (o *Once) About(subject, text string) {
	if !o.seen[subject] {
		o.seen[subject] = true
		o.note(text)
	}
}

// Lose does what About does for a note about something in the dump that the database will not have as it is.
func (o *Once) Lose(subject, text string) {
	if !o.seen[subject] {
		o.lost = append(o.lost, text)
	}
	o.About(subject, text)
}

// Lost returns the texts that were passed to Lose.
func (o *Once) Lost() []string { return o.lost }
