package cli

import (
	"cmp"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// storedTable is what a table's rows take in a dump.
type storedTable struct {
	Name        string `json:"name"`
	Rows        int64  `json:"rows"`
	RawBytes    int64  `json:"raw_bytes"` // of SQL
	ObjectBytes int64  `json:"object_bytes"`
	Chunks      int    `json:"chunks"`
}

// storedTables gives the tables of a dump whose chunks tell what they are, those that take the most first; nil for
// any other dump.
func storedTables(index *dumpfile.Index) []storedTable {
	if !index.Sectioned() {
		return nil
	}
	tables := make([]storedTable, len(index.Tables))
	at := make(map[string]int, len(index.Tables))
	for i, table := range index.Tables {
		tables[i], at[table.Name] = storedTable{Name: table.Name, Rows: table.Rows}, i
	}
	for _, chunk := range index.Chunks {
		if chunk.Section != dumpfile.SectionRows {
			continue
		}
		table := &tables[at[chunk.Table]]
		table.RawBytes += chunk.RawSize
		table.ObjectBytes += chunk.Size
		table.Chunks++
	}
	slices.SortFunc(tables, func(a, b storedTable) int {
		return cmp.Or(cmp.Compare(b.ObjectBytes, a.ObjectBytes), cmp.Compare(a.Name, b.Name))
	})
	return tables
}
