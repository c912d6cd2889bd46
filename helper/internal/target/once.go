package target

// Once passes on only the first note about each subject.
type Once struct {
	note func(string)
	seen map[string]bool
}

// NewOnce passes notes on to a function.
func NewOnce(note func(string)) *Once { return &Once{note, map[string]bool{}} }

// About passes a note on if it is the first about its subject.
func (o *Once) About(subject, text string) {
	if !o.seen[subject] {
		o.seen[subject] = true
		o.note(text)
	}
}
