package localdb

// once passes each note on only the first time that it is made for a subject.
type once struct {
	note func(string)
	seen map[string]bool
}

func newOnce(note func(string)) *once { return &once{note, map[string]bool{}} }

func (o *once) about(subject, text string) {
	if !o.seen[subject] {
		o.seen[subject] = true
		o.note(text)
	}
}
