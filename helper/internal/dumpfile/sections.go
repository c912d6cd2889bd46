package dumpfile

import (
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// About describes the statements of a chunk. It is zero for a dump that was written as one stream.
type About struct {
	Section dump.Section `json:"section,omitempty"`
	// Table is the table whose rows are in a chunk of [dump.Rows], and Rows is how many. If a statement takes several chunks,
	// the last of them has the rows.
	Table string `json:"table,omitempty"`
	Rows  int64  `json:"rows,omitempty"`
	// File is set in a chunk of [dump.Files]. It is what follows Table in the file's name: ".ibd".
	File string `json:"file,omitempty"`
}

// sectionOrder is the order in which the sections of a dump follow one another. Either all chunks of a dump have one or
// none has.
var sectionOrder = map[dump.Section]int{"": 0, dump.Head: 1, dump.Rows: 2, dump.Files: 3, dump.Tail: 4}

// Sectioned reports whether the chunks have sections: then rows can be loaded in any order.
func (idx *Index) Sectioned() bool { return len(idx.Chunks) > 0 && idx.Chunks[0].Section != "" }

// follow checks a chunk against the one before. The first chunk is checked against itself.
func (a About) follow(before About) error {
	place, known := sectionOrder[a.Section]
	switch {
	case !known:
		return fmt.Errorf("unknown section %.100q", a.Section)
	case place < sectionOrder[before.Section] || (place == 0) != (before.Section == ""):
		return fmt.Errorf("section %q comes after section %q", a.Section, before.Section)
	case (a.Section == dump.Files) != (a.File != ""):
		return fmt.Errorf("section %q is of file %.100q", a.Section, a.File)
	case a.Rows < 0 || a.Section != dump.Rows && a.Rows > 0 || a.Section != dump.Rows && a.Section != dump.Files && a.Table != "":
		return fmt.Errorf("section %q has %d rows of table %.100q", a.Section, a.Rows, a.Table)
	}
	return nil
}

// checkSections checks what the chunks say about themselves.
func (idx *Index) checkSections() error {
	for i, chunk := range idx.Chunks {
		before := idx.Chunks[max(i-1, 0)]
		if err := chunk.follow(before.About); err != nil {
			return fmt.Errorf("chunk %d: %w", i, err)
		}
		switch {
		case i > 0 && before.Partial && (chunk.Section != before.Section || chunk.Table != before.Table):
			return fmt.Errorf("chunk %d does not continue the statement of the chunk before", i)
		case chunk.Partial && chunk.Rows > 0:
			return fmt.Errorf("chunk %d ends inside a statement but has %d rows", i, chunk.Rows)
		case chunk.Partial && i == len(idx.Chunks)-1:
			return errors.New("the last chunk ends inside a statement")
		}
	}
	if err := idx.checkFiles(); err != nil || !idx.Sectioned() {
		return err
	}
	return idx.checkRows()
}

// checkRows compares the rows of the chunks with those of the tables. No sum can overflow: each number is subtracted from what
// is left of the total.
func (idx *Index) checkRows() error {
	left := make(map[string]int64, len(idx.Tables))
	all := idx.Rows
	for _, table := range idx.Tables {
		if table.Rows < 0 || table.Rows > all {
			return fmt.Errorf("table %.100q has %d of the dump's %d rows", table.Name, table.Rows, idx.Rows)
		}
		left[table.Name] = table.Rows
		all -= table.Rows
	}
	for table, rows := range idx.TextRows {
		if rows < 0 || rows > left[table] {
			return fmt.Errorf("%d rows of table %.100q are in no chunk of rows, it has %d", rows, table, left[table])
		}
		left[table] -= rows
	}
	if all != 0 {
		return fmt.Errorf("the tables have %d rows fewer than the dump, which has %d", all, idx.Rows)
	}
	for i, chunk := range idx.Chunks {
		if chunk.Section != dump.Rows {
			continue
		}
		rows, known := left[chunk.Table]
		switch {
		case !known:
			return fmt.Errorf("chunk %d has rows of table %.100q, which the dump does not have", i, chunk.Table)
		case chunk.Rows > rows:
			return fmt.Errorf("chunk %d has %d rows of table %.100q, of which %d are left", i, chunk.Rows, chunk.Table, rows)
		}
		left[chunk.Table] -= chunk.Rows
	}
	if idx.Baked != nil {
		for _, table := range idx.Baked.Tables {
			delete(left, table.Name)
		}
	}
	for _, table := range idx.Tables {
		if rows := left[table.Name]; rows > 0 {
			return fmt.Errorf("the chunks lack %d of the %d rows of table %.100q", rows, table.Rows, table.Name)
		}
	}
	return nil
}
