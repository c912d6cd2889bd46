// Package gate compares what a dump holds with what there was before, and says where so much is gone that
// something looks to be missing.
package gate

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// fewestTables is the share of the earlier tables that there must be.
	fewestTables = 0.8
	// fewestRows is the share of the earlier rows that there must be.
	fewestRows = 0.5
	// fewestFilled is the share of the earlier tables with rows that must have some.
	fewestFilled = 0.5
	// fewRows is a number of rows below which a share tells nothing.
	fewRows = 1000
	// fewTables likewise: a site that loses a module may lose that many tables.
	fewTables = 3
)

// Contents is what is compared.
type Contents struct {
	// Tables are the rows of each table, -1 where nobody counted them.
	Tables map[string]int64
	// StructureOnly are the tables that have no rows by rule.
	StructureOnly []string
}

// Loss is that there are suspiciously few of something.
type Loss struct {
	// What there are few of: "tables", "rows" or "tables with rows".
	What string
	// Now and Before are the two counts.
	Now, Before int64
}

// String says how many there are now.
func (l Loss) String() string {
	if l.Now == 1 {
		return "1 " + strings.Replace(l.What, "s", "", 1) // of tables, rows
	}
	return fmt.Sprintf("%d %s", l.Now, l.What)
}

// Compare looks for suspiciously fewer tables or rows than before. Tables without rows by rule are left out of the count
// of rows on both sides, so that a new rule does not look like a loss.
func Compare(now, before Contents) (Loss, bool) {
	if loss, lost := compareTables(now, before); lost {
		return loss, true
	}
	return compareRows(now, before, slices.Concat(now.StructureOnly, before.StructureOnly))
}

// CompareUnruled does so where nobody knows which tables have no rows by rule. Tables that are empty now are left out of
// the count of rows, and must not be most of those that had some.
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

// rows counts the rows of all tables but those named.
func (c Contents) rows(except []string) (sum int64) {
	for name, rows := range c.Tables {
		if !slices.Contains(except, name) {
			sum += rows
		}
	}
	return sum
}
