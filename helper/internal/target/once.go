package target

import (
	"slices"
	"sync"
)

// Once passes on only the first note about each subject. Any number of goroutines may use it.
type Once struct {
	note  func(string)
	mutex sync.Mutex
	seen  map[string]bool
	lost  []string
}

// NewOnce passes notes on to a function.
func NewOnce(note func(string)) *Once { return &Once{note: note, seen: map[string]bool{}} }

// About passes a note on if it is the first about its subject.
func (o *Once) About(subject, text string) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.about(subject, text)
}

func (o *Once) about(subject, text string) {
	if !o.seen[subject] {
		o.seen[subject] = true
		o.note(text)
	}
}

// Lose does what About does for a note about something in the dump that the database will not have as it is.
func (o *Once) Lose(subject, text string) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !o.seen[subject] {
		o.lost = append(o.lost, text)
	}
	o.about(subject, text)
}

// Lost returns the texts that were passed to Lose.
func (o *Once) Lost() []string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return slices.Clone(o.lost)
}
