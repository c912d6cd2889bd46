package localdb

import "slices"

// edits are replacements of spans of a text.
type edits []edit

type edit struct {
	start, end int
	text       string
}

func (e *edits) replace(start, end int, text string) { *e = append(*e, edit{start, end, text}) }

// apply gives the text with all replacements made; the text itself where there are none.
func (e edits) apply(text []byte) []byte {
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
