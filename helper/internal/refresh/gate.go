package refresh

import (
	"errors"
	"fmt"
	"slices"
)

// ErrEmpty means that staging has no table, so that there is nothing to publish. Force does not help.
var ErrEmpty = errors.New("the staging database has no tables")

// GateError means that a dump came to its end but looks as if something were missing from it.
type GateError struct {
	// What is fewer than last time: "tables" or "rows".
	What string
	// Now and Before are the two counts.
	Now, Before int64
	// Previous is the key of the dump that it was compared with.
	Previous string
}

func (e *GateError) Error() string {
	return fmt.Sprintf("the dump has %d %s, the last one had %d (%s)", e.Now, e.What, e.Before, e.Previous)
}

const (
	// fewestTables is the share of the last dump's tables that a new dump must have.
	fewestTables = 0.8
	// fewestRows is the share of the last dump's rows that a new dump must have.
	fewestRows = 0.5
	// fewRows is a number of rows below which a share tells nothing.
	fewRows = 1000
	// fewTables likewise: a site that loses a module may lose that many tables.
	fewTables = 3
)

// contents is what the gate compares: rows by table, -1 where nobody counted them.
type contents struct {
	tables        map[string]int64
	structureOnly []string
}

// compare refuses a dump with suspiciously fewer tables or rows than the one before. Tables without
// rows by rule are left out of the count of rows on both sides, so that a new rule does not look like
// a loss.
func compare(now, before contents, previous string) error {
	tables, lastTables := int64(len(now.tables)), int64(len(before.tables))
	if lastTables-tables >= fewTables && float64(tables) < fewestTables*float64(lastTables) {
		return &GateError{What: "tables", Now: tables, Before: lastTables, Previous: previous}
	}
	uncounted := slices.Concat(now.structureOnly, before.structureOnly)
	for _, side := range []contents{now, before} {
		for name, rows := range side.tables {
			if rows < 0 {
				uncounted = append(uncounted, name)
			}
		}
	}
	rows, lastRows := now.rows(uncounted), before.rows(uncounted)
	if lastRows >= fewRows && float64(rows) < fewestRows*float64(lastRows) {
		return &GateError{What: "rows", Now: rows, Before: lastRows, Previous: previous}
	}
	return nil
}

// rows counts the rows of all tables but those named.
func (c contents) rows(except []string) (sum int64) {
	for name, rows := range c.tables {
		if !slices.Contains(except, name) {
			sum += rows
		}
	}
	return sum
}
