// Package gate compares the contents of a dump with earlier contents and recognizes a suspicious loss.
package gate

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// fewestTables is the share of the earlier tables that must still exist.
	fewestTables = 0.8
	// fewestRows is the share of the earlier rows that must still exist.
	fewestRows = 0.5
	// fewestFilled is the share of the earlier tables with rows that must still have rows.
	fewestFilled = 0.5
	// fewRows is the number of rows below which their share means nothing.
	fewRows = 1000
	// fewTables is how many lost tables are suspicious at least: fewer may go with a module.
	fewTables = 3
)

// Contents is what is compared.
type Contents struct {
	// Tables are the numbers of rows by table; -1 if they were not counted.
	Tables map[string]int64
	// StructureOnly are the tables that a rule publishes without rows, or without some of them.
	StructureOnly []string
}

// Loss says what there are suspiciously few of.
type Loss struct {
	// What is "tables", "rows" or "tables with rows".
	What string
	// Now and Before are the two counts.
	Now, Before int64
}

// String returns the current number, as in "12 tables".
func (l Loss) String() string {
	if l.Now == 1 {
		return "1 " + strings.Replace(l.What, "s", "", 1) // of tables, rows
	}
	return fmt.Sprintf("%d %s", l.Now, l.What)
}

// Compare looks for suspiciously fewer tables or rows than before. Tables that a rule publishes without rows do not count on
// either side, so that a new rule does not look like a loss.
func Compare(now, before Contents) (Loss, bool) {
	if loss, lost := compareTables(now, before); lost {
		return loss, true
	}
	return compareRows(now, before, slices.Concat(now.StructureOnly, before.StructureOnly))
}

// CompareUnruled is Compare for contents without known rules. Tables that are empty now do not count, but most tables that
// had rows must still have some.
func CompareUnruled(now, before Contents) (Loss, bool) {
	if loss, lost := compareTables(now, before); lost {
		return loss, true
	}
	var empty []string
	filled := Loss{What: "tables with rows"}
	for name, rows := range before.Tables {
		if rows <= 0 {
			continue
		}
		filled.Before++
		switch rows, there := now.Tables[name]; {
		case there && rows == 0:
			empty = append(empty, name)
		case there:
			filled.Now++
		}
	}
	if filled.Before-filled.Now >= fewTables && float64(filled.Now) < fewestFilled*float64(filled.Before) {
		return filled, true
	}
	return compareRows(now, before, empty)
}

func compareTables(now, before Contents) (Loss, bool) {
	loss := Loss{"tables", int64(len(now.Tables)), int64(len(before.Tables))}
	return loss, loss.Before-loss.Now >= fewTables && float64(loss.Now) < fewestTables*float64(loss.Before)
}

func compareRows(now, before Contents, except []string) (Loss, bool) {
	except = slices.Clone(except)
	for _, side := range []Contents{now, before} {
		for name, rows := range side.Tables {
			if rows < 0 {
				except = append(except, name)
			}
		}
	}
	loss := Loss{"rows", now.rows(except), before.rows(except)}
	return loss, loss.Before >= fewRows && float64(loss.Now) < fewestRows*float64(loss.Before)
}

// rows counts the rows of all tables except some.
func (c Contents) rows(except []string) (sum int64) {
	for name, rows := range c.Tables {
		if !slices.Contains(except, name) {
			sum += rows
		}
	}
	return sum
}
