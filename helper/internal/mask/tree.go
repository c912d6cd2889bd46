package mask

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/html"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/json"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/leaf"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/serialized"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

func validJSON(value []byte) bool { return json.Valid(value) }

// tree masks values inside JSON and serialized values, also where one is a text in the other. A value that is neither is masked as
// text as a whole: what cannot be read may have anything in it.
type tree struct {
	name   string
	column Column
	paths  []maskedPath
	text   *text
	levels []*level // of values in one another
	// short makes all texts of that length or less, because the column has no room for anything else.
	short bool
}

// maskedPath is a place inside values, and how it is masked.
type maskedPath struct {
	keys   []string
	masker Masker
	number Masker // for numbers, which stay numbers
}

// level has what rewrites a value inside of another one.
type level struct {
	json       json.Rewriter
	serialized serialized.Rewriter
	outer      [][]byte // the path of the value itself
	replace    leaf.Replacer
}

// mostLevels is how many values may be in one another as texts. Deeper ones are texts.
const mostLevels = 8

func newTree(key Key, spec Spec, column Column) (Masker, error) {
	if err := onlyFor(spec.Name, column, Text, Binary, JSON); err != nil {
		return nil, err
	}
	if column.Unique {
		return nil, uniqueErr(spec.Name, "hash")
	}
	if column.Kind == JSON && spec.Name != "json" {
		return nil, fmt.Errorf("%s cannot mask a column of JSON: use json", spec.Name)
	}
	m := &tree{name: spec.Name, column: column, text: newTextMasker(key, column.Folded)}
	paths := spec.Paths
	if len(paths) == 0 {
		paths = []Path{{"**", Spec{Name: "text"}}}
	}
	for _, path := range paths {
		if path.Keys == "" {
			return nil, errors.New(spec.Name + ": a path is empty")
		}
		masker, err := New(key, path.Spec, Column{Kind: Text, Nullable: true, Folded: column.Folded, ASCII: column.ASCII})
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", spec.Name, path.Keys, err)
		}
		m.paths = append(m.paths, maskedPath{strings.Split(path.Keys, "."), masker, numberMasker(key, path.Spec)})
	}
	for i := range mostLevels {
		l := &level{}
		l.replace = func(dst []byte, found leaf.Leaf) ([]byte, leaf.Verdict) { return m.leaf(dst, i, found) }
		m.levels = append(m.levels, l)
	}
	return m, nil
}

// numberMasker returns a masker that makes numbers of numbers: other digits, if the one that is wanted does not.
func numberMasker(key Key, spec Spec) Masker {
	for _, kind := range []Kind{Decimal, Integer} {
		if m, err := New(key, spec, Column{Kind: kind, Nullable: true}); err == nil {
			return m
		}
	}
	return &digits{permutation: newPermutation(key, "digits "), column: Column{Kind: Decimal}}
}

func (m *tree) Mask(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 && m.column.Kind != JSON {
		return dst, false
	}
	begin := len(dst)
	m.short, m.levels[0].outer = false, m.levels[0].outer[:0]
	dst, ok := m.structured(dst, value, 0, true)
	if ok && !m.fits(dst[begin:]) {
		m.short = true
		dst, ok = m.structured(dst[:begin], value, 0, true)
	}
	if ok {
		return dst, false
	}
	if m.column.Kind == JSON {
		return append(dst[:begin], empties[JSON]...), false
	}
	return m.text.Mask(dst[:begin], value)
}

func (m *tree) fits(made []byte) bool {
	if m.column.Bytes > 0 && len(made) > m.column.Bytes {
		return false
	}
	return m.column.Characters == 0 || len(made) <= m.column.Characters || utf8.RuneCount(made) <= m.column.Characters
}

// structured rewrites a value if it is JSON or serialized. With any, also a single text or number.
func (m *tree) structured(dst, value []byte, depth int, any bool) ([]byte, bool) {
	l := m.levels[depth]
	if serialized.Looks(value) && (depth > 0 || m.column.Kind != JSON) {
		if made, ok := l.serialized.Rewrite(dst, value, l.replace); ok {
			return made, true
		}
	}
	if any && m.name == "json" || json.Looks(value) {
		return l.json.Rewrite(dst, value, l.replace)
	}
	return dst, false
}

// leaf decides on a text or a number. The last path that matches counts.
func (m *tree) leaf(dst []byte, depth int, found leaf.Leaf) ([]byte, leaf.Verdict) {
	outer := m.levels[depth].outer
	var masker Masker
	everything := false
	for i := len(m.paths) - 1; i >= 0 && masker == nil; i-- {
		if matches(m.paths[i].keys, outer, found.Path) {
			if masker = m.paths[i].masker; found.Number {
				masker = m.paths[i].number
			}
			everything = m.paths[i].keys[len(m.paths[i].keys)-1] == "**"
		}
	}
	if !found.Number && len(found.Text) > 0 && (masker == nil || everything) && depth+1 < mostLevels {
		inner := m.levels[depth+1]
		inner.outer = append(append(inner.outer[:0], outer...), found.Path...)
		if made, ok := m.structured(dst, found.Text, depth+1, false); ok {
			return made, leaf.Replace
		}
		if masker == nil && (serialized.Looks(found.Text) || found.Text[0] == '{' || found.Text[0] == '[') {
			masker = m.text // a damaged value, in which a path may have led to something
		}
	}
	switch {
	case masker == nil, len(found.Text) == 0, found.Number && everything:
		return dst, leaf.Keep
	case m.short && found.Number:
		return append(dst, '0'), leaf.Replace
	case m.short:
		dst, _ = m.text.Mask(dst, found.Text)
		return dst, leaf.Replace
	}
	dst, null := masker.Mask(dst, found.Text)
	if null {
		return dst, leaf.Null
	}
	return dst, leaf.Replace
}

// matches says whether keys name the path that consists of two parts.
func matches(keys []string, outer, inner [][]byte) bool {
	for {
		if len(keys) > 0 && keys[0] == "**" {
			for left := len(outer) + len(inner); ; left-- {
				if matches(keys[1:], outer, inner) {
					return true
				}
				if left == 0 {
					return false
				}
				outer, inner = shorter(outer, inner)
			}
		}
		if len(outer)+len(inner) == 0 || len(keys) == 0 {
			return len(outer)+len(inner) == 0 && len(keys) == 0
		}
		key := inner
		if len(outer) > 0 {
			key = outer
		}
		if !matchesKey(keys[0], key[0]) {
			return false
		}
		outer, inner = shorter(outer, inner)
		keys = keys[1:]
	}
}

func shorter(outer, inner [][]byte) (restOuter, restInner [][]byte) {
	if len(outer) > 0 {
		return outer[1:], inner
	}
	return outer, inner[1:]
}

func matchesKey(pattern string, key []byte) bool {
	if pattern == "*" || pattern == string(key) {
		return true
	}
	return strings.ContainsAny(pattern, "*?") && wildcard.Match(pattern, string(key))
}

// markup masks the texts of HTML.
type markup struct {
	*text
	rewriter html.Rewriter
	replace  func(dst, text []byte) []byte
}

func newHTML(key Key, column Column) (Masker, error) {
	if err := onlyFor("html", column, Text, Binary); err != nil {
		return nil, err
	}
	if column.Unique {
		return nil, uniqueErr("html", "hash")
	}
	m := &markup{text: newTextMasker(key, column.Folded)}
	m.replace = m.text.replace
	return m, nil
}

func (m *markup) Mask(dst, value []byte) ([]byte, bool) {
	m.random.seed(m.hash(value))
	return m.rewriter.Rewrite(dst, value, m.replace), false
}
