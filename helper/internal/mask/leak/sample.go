package leak

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
)

// Bounds of the rows that are read to know what to search for.
const (
	// SampleRows is how many rows of a table are read.
	SampleRows = 1000
	// SampleBytes is how long a value may be that is read.
	SampleBytes = 16 << 10
)

// Sample takes values of a table's masked columns. rows calls a function with the values of each row, in the order of the columns; nil is NULL,
// or a value that is too long.
func (c *Check) Sample(plan *rules.Plan, table string, columns []string, rows func(row func(values [][]byte)) error) error {
	row, err := plan.Row(table, columns)
	if c == nil || row == nil || err != nil {
		return err
	}
	texts := make([]map[string]int, len(columns)) // how often each is there
	err = rows(func(values [][]byte) {
		for i, original := range values {
			if original == nil || !row.Masks(i) || row.IsQuarantined(i) { // of what is in quarantine nobody knows whether it may be elsewhere
				continue
			}
			masker, spec := row.Rule(i, func(other int) ([]byte, bool) { return values[other], values[other] != nil })
			if masker == nil {
				continue
			}
			masked, _ := masker.Mask(nil, original)
			for _, text := range telling(spec.Name, original, masked) {
				if texts[i] == nil {
					texts[i] = map[string]int{}
				}
				texts[i][text]++
			}
		}
	})
	if err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for i, found := range texts {
		for _, text := range slices.Sorted(maps.Keys(found)) {
			// What several rows have is a common word as a rule, but for an address.
			if found[text] == 1 || strings.Contains(text, "@") {
				c.add(table+"."+columns[i], text)
			}
		}
	}
	return nil
}

// separators end the texts inside structured values.
const separators = "\x00\n\r\t\"'<>{}[]();:,=&/\\|"

// telling returns those texts of an original by which somebody could be known, and that a masker has replaced.
func telling(masker string, original, masked []byte) (texts []string) {
	switch masker {
	case "date", "ip", "empty", "fixed": // others have the same ones
		return nil
	case "json", "serialized", "html", "filename":
		for _, text := range bytes.FieldsFunc(original, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
			if text = bytes.TrimSpace(text); tells(masker, text) && !bytes.Contains(masked, text) {
				texts = append(texts, string(text))
			}
		}
		return texts
	}
	if tells(masker, original) && !bytes.Contains(masked, original) {
		return []string{string(original)}
	}
	return nil
}

// tells says whether a text belongs to one person rather than to many, and is none that a masker could have made of another one. Public texts may
// well have the others: a word or two, a phrase, a moment, a short number.
func tells(masker string, text []byte) bool {
	if len(text) < Least || mask.Invents(text) || len(text) >= 10 && isDate(text) {
		return false
	}
	letters, digits := 0, 0
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			letters++
		}
	}
	words := len(bytes.FieldsFunc(text, func(r rune) bool { return r == ' ' || masker == "filename" && strings.ContainsRune("-_.", r) }))
	switch {
	case bytes.ContainsRune(text, '@'):
		return letters > 0
	case masker == "phone":
		return digits >= 9 && !bytes.Contains(onlyDigits(text), []byte("000"))
	case letters == 0: // numbers below a million millions may well be others by chance
		return digits >= 13
	}
	switch masker {
	case "name":
		return words >= 2
	case "text", "html", "json", "serialized":
		return words >= 6 && len(text) >= 30 || digits >= 6
	case "filename":
		return words >= 3 && len(text) >= 16
	}
	return digits > 0 || words >= 3
}

// isDate says whether a text begins with a date, as in 2026-11-30.
func isDate(text []byte) bool {
	for i, c := range text[:10] {
		if dash := i == 4 || i == 7; dash != (c == '-') || !dash && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func onlyDigits(text []byte) (digits []byte) {
	for _, c := range text {
		if '0' <= c && c <= '9' {
			digits = append(digits, c)
		}
	}
	return digits
}
