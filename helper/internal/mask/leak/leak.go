// Package leak searches the SQL of a dump, before it is published, for what must not be in it: a sample of the values that were masked, and
// values that somebody has planted. Both stay in memory, and no error has them.
package leak

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// Bounds of what is searched for.
const (
	// Least is the length of the shortest text that is searched for, in bytes.
	Least = 9
	// longest is how much of a text is searched for, in bytes.
	longest = 64
	// perColumn is how many values of a column are searched for.
	perColumn = 200
	// mostFound is how many places are listed.
	mostFound = 20
)

// FoundError means that a dump has values that must not be in it. It names the places, not the values.
type FoundError struct{ Places []Place }

// Place is where a value was found.
type Place struct {
	// Of is the masked column that has the value, as table.column; empty for a planted one.
	Of string
	// Table and Column are where it is, as far as that is known.
	Table, Column string
	// Definition means that it is in none of the tables' rows.
	Definition bool
}

func (e *FoundError) Error() string {
	lines := make([]string, len(e.Places))
	for i, place := range e.Places {
		lines[i] = place.String()
	}
	return strings.Join(lines, "\n")
}

// Planted says whether planted values alone were found.
func (e *FoundError) Planted() bool {
	return !slices.ContainsFunc(e.Places, func(p Place) bool { return p.Of != "" })
}

func (p Place) String() string {
	what, where := "a value of DUMP_CANARY", "in the dump"
	if p.Of != "" {
		what = "a value of " + p.Of + ", which is masked,"
	}
	switch {
	case p.Column != "":
		where = "in " + p.Table + "." + p.Column
	case p.Table != "":
		where = "in table " + p.Table
	case p.Definition:
		where = "in the definitions of the dump"
	}
	return what + " is " + where
}

// Check searches for values. Its methods may be called on nil, which searches for nothing. First come Sample and Add, then, from any number of
// goroutines, Rows.
type Check struct {
	canaries []string
	accepted []rules.Accepted

	mutex  sync.Mutex
	values []value
	count  map[string]int // values of a column
	index  *index         // nil until the first search
	found  []Place
}

// value is something to search for.
type value struct {
	of   string // the masked column; empty for a planted value
	text string
}

// New returns a Check for planted values. accepted are the columns that may have values of masked ones.
func New(canaries []string, accepted []rules.Accepted) *Check {
	c := &Check{canaries: canaries, accepted: accepted}
	c.Reset()
	return c
}

// Reset forgets everything but the planted values, for another dump.
func (c *Check) Reset() {
	if c == nil {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.values, c.count, c.index, c.found = nil, map[string]int{}, nil, nil
	for _, canary := range c.canaries {
		c.values = append(c.values, value{"", canary})
	}
}

// Counts returns how many originals and how many planted values are searched for.
func (c *Check) Counts() (originals, canaries int) {
	if c == nil {
		return 0, 0
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.values) - len(c.canaries), len(c.canaries)
}

// add adds an original of a column, unless there are enough.
func (c *Check) add(of, text string) {
	if c.count[of] >= perColumn {
		return
	}
	c.count[of]++
	c.values = append(c.values, value{of, cut(text)})
}

// cut returns the beginning of a text, of whole characters.
func cut(text string) string {
	if len(text) <= longest {
		return text
	}
	end := longest
	for end > longest-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// ready returns the index of all values.
func (c *Check) ready() *index {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.index == nil {
		c.index = newIndex(c.values)
	}
	return c.index
}

// Rows searches whole statements with rows of a table, or definitions if there is no table.
func (c *Check) Rows(sql []byte, table string) {
	if c == nil {
		return
	}
	index := c.ready()
	index.search(sql, func(value value, at int) {
		place := Place{Of: value.of, Table: table, Definition: table == ""}
		if table != "" {
			place.Column = columnAt(sql, at)
		}
		c.note(place)
	})
}

// note adds a place, unless somebody has accepted it.
func (c *Check) note(place Place) {
	if place.Of != "" && place.Column != "" && slices.ContainsFunc(c.accepted, func(a rules.Accepted) bool {
		_, plain, _ := strings.Cut(place.Table, ".") // without a schema
		return wildcard.Match(a.Column, place.Table+"."+place.Column) || wildcard.Match(a.Column, plain+"."+place.Column)
	}) {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.found) < mostFound && !slices.Contains(c.found, place) {
		c.found = append(c.found, place)
	}
}

// Err returns a *FoundError if something was found.
func (c *Check) Err() error {
	if c == nil {
		return nil
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.found) == 0 {
		return nil
	}
	places := slices.Clone(c.found)
	slices.SortFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column))
	})
	return &FoundError{places}
}

// Text searches a text that comes in parts, such as a row that is too long for the memory. It is for one goroutine.
type Text struct {
	check *Check
	table string
	// tail is the end of the last part, in which a value may have begun.
	tail []byte
}

// Text returns a search of a text of a table, which is empty if it is not known.
func (c *Check) Text(table string) *Text { return &Text{check: c, table: table} }

// Write searches the next part. It never fails.
func (t *Text) Write(part []byte) (int, error) {
	if t.check == nil {
		return len(part), nil
	}
	index := t.check.ready()
	if index.longest == 0 {
		return len(part), nil
	}
	found := func(value value, _ int) { t.check.note(Place{Of: value.of, Table: t.table}) }
	overlap := index.longest - 1
	t.tail = append(t.tail, part[:min(len(part), overlap)]...)
	index.search(t.tail, found)
	index.search(part, found)
	if len(part) >= overlap {
		t.tail = append(t.tail[:0], part[len(part)-overlap:]...)
	} else if len(t.tail) > overlap {
		t.tail = append(t.tail[:0], t.tail[len(t.tail)-overlap:]...)
	}
	return len(part), nil
}
