package personal

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/html"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/json"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/leaf"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/serialized"
)

// profile is what the sample of one column shows.
type profile struct {
	named   Kind // what the column's name stands for; "" if it says nothing
	sampled int  // values that are not empty
	fitting int  // of these, how many can be what the name stands for
	hits    map[Kind]int
	example map[Kind]string
	shapes  map[string]int // structured values, by the masker for them
	first   int            // values that are a first name and nothing else
	early   bool           // a date of birth before 1990
	seen    map[Kind]bool  // in the current value
	within  map[Kind]int   // values in which there is more than that

	html html.Rewriter
}

// newProfile returns the profile of a column, or of the values of a column that stand for a name. Of days and times, only dates of birth are known
// by their names.
func newProfile(table, name string, kind mask.Kind) *profile {
	named := kindIn(table, name)
	if (kind == mask.Date || kind == mask.DateTime) && named != BirthDate {
		named = ""
	}
	return &profile{named: named, hits: map[Kind]int{}, example: map[Kind]string{}, shapes: map[string]int{}, within: map[Kind]int{}}
}

// longestValue is how much of a value is looked at, in bytes.
const longestValue = 16 << 10

// add looks at a value.
func (p *profile) add(value []byte) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || !utf8.Valid(value) && !serialized.Looks(value) {
		return
	}
	p.sampled++
	p.seen = map[Kind]bool{}
	if p.named != "" && !json.Looks(value) && !serialized.Looks(value) && fits(p.named, string(value)) {
		p.fitting++
		if p.example[p.named] == "" {
			p.example[p.named] = redact(string(value))
		}
	}
	if isFirstName(string(value)) {
		p.first++
	}
	if shape := p.leaves(value, 0); shape != "" && len(p.seen) > 0 {
		p.shapes[shape]++
	}
	for kind := range p.seen {
		p.hits[kind]++
	}
}

// mostNested is how many structured values may be in one another.
const mostNested = 4

// leaves looks at the texts inside a structured value, or at the value itself. It returns the name of the masker for its structure.
func (p *profile) leaves(value []byte, depth int) (shape string) {
	if depth == mostNested {
		return ""
	}
	each := func(dst []byte, found leaf.Leaf) ([]byte, leaf.Verdict) {
		if len(found.Path) > 0 {
			if kind := kindOf(string(found.Path[len(found.Path)-1])); kind != "" && !found.Number && fits(kind, string(found.Text)) && kind != FreeText && !proven[kind] {
				p.see(kind, string(found.Text))
			}
		}
		if !found.Number {
			p.leaves(bytes.Clone(found.Text), depth+1)
		}
		return dst, leaf.Keep
	}
	switch {
	case json.Looks(value):
		if _, ok := (&json.Rewriter{}).Rewrite(nil, value, each); ok {
			return "json"
		}
	case serialized.Looks(value):
		if _, ok := (&serialized.Rewriter{}).Rewrite(nil, value, each); ok {
			return "serialized"
		}
	}
	if bytes.IndexByte(value, '<') >= 0 && bytes.IndexByte(value, '>') >= 0 {
		p.html.Rewrite(nil, value, func(dst, text []byte) []byte {
			p.text(string(text))
			return append(dst, text...)
		})
		return "html"
	}
	p.text(string(value))
	return ""
}

func (p *profile) text(text string) {
	for _, found := range look(text) {
		if len(found.text) < len(strings.TrimSpace(text)) && !p.seen[found.kind] {
			p.within[found.kind]++
		}
		p.see(found.kind, found.text)
		p.early = p.early || found.kind == BirthDate && strings.ContainsAny(text, "1") && isEarly(text)
	}
}

// isEarly says whether a day is before 1990: dates of other things hardly are.
func isEarly(text string) bool {
	year := text[:4]
	if !day.MatchString(text) {
		year = text[len(text)-4:]
	}
	return year < "1990"
}

func (p *profile) see(kind Kind, text string) {
	p.seen[kind] = true
	if p.example[kind] == "" {
		p.example[kind] = redact(text)
	}
}

// fits says whether a text can be what a name stands for.
func fits(kind Kind, text string) bool {
	switch kind {
	case Mail, IP, BankAccount, Card:
		for _, found := range look(text) {
			if found.kind == kind {
				return true
			}
		}
		return false
	case Phone:
		return isPhone(text) && strings.Trim(text, "0123456789 +()/.-") == ""
	case BirthDate:
		return isBirthDate(text)
	case NationalNumber:
		return len(digitsOf(text)) >= 5 && len(text) <= 30
	case FirstName, LastName, Name:
		return len(text) >= 2 && len(text) <= 80 && strings.IndexFunc(text, unicode.IsLetter) >= 0 && !strings.ContainsAny(text, "/<>{}=:;")
	case Address:
		return len(text) <= 200 && !strings.ContainsAny(text, "<>{}:")
	case Credential:
		return len(text) >= 6 && !strings.ContainsAny(text, " ")
	case FreeText:
		return len(text) >= 10 && strings.Contains(text, " ")
	default:
		return true
	}
}

// redact keeps the shape of a text and none of its letters and digits.
func redact(text string) string {
	const most = 40
	n := 0
	text = strings.Map(func(c rune) rune {
		n++
		switch {
		case n > most:
			return -1
		case unicode.IsUpper(c):
			return 'X'
		case unicode.IsLetter(c):
			return 'x'
		case unicode.IsDigit(c):
			return '9'
		case c < ' ' || !unicode.IsPrint(c):
			return ' '
		}
		return c
	}, text)
	if n > most {
		text += "…"
	}
	return text
}
