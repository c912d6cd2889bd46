package sqltext

import "slices"

// Edits are replacements of ranges of a text.
type Edits []edit

type edit struct {
	start, end int
	text       string
}

// Replace replaces the bytes from start to end, end not included, with a text.
func (e *Edits) Replace(start, end int, text string) { *e = append(*e, edit{start, end, text}) }

// Apply returns the text with all replacements made. Without any it returns the text itself.
func (e Edits) Apply(text []byte) []byte {
	if len(e) == 0 {
		return text
	}
	slices.SortFunc(e, func(a, b edit) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, edit := range e {
		out = append(out, text[at:edit.start]...)
		out = append(out, edit.text...)
		at = edit.end
	}
	return append(out, text[at:]...)
}
