package cli

import (
	"cmp"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// storedTable is the space that a table takes in an object.
type storedTable struct {
	Name        string `json:"name"`
	Rows        int64  `json:"rows"`
	RawBytes    int64  `json:"raw_bytes"` // of SQL, or of files
	ObjectBytes int64  `json:"object_bytes"`
	Chunks      int    `json:"chunks"`
	Files       int    `json:"files,omitempty"` // 0 if it is stored as rows
}

// storedTables returns the tables of a dump, the largest first, if its chunks name their tables; nil otherwise.
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
		if chunk.Section != dump.Rows && chunk.Section != dump.Files {
			continue
		}
		table := &tables[at[chunk.Table]]
		table.RawBytes += chunk.RawSize
		table.ObjectBytes += chunk.Size
		table.Chunks++
	}
	if index.Baked != nil {
		for _, table := range index.Baked.Tables {
			tables[at[table.Name]].Files = len(table.Files)
		}
	}
	slices.SortFunc(tables, func(a, b storedTable) int {
		return cmp.Or(cmp.Compare(b.ObjectBytes, a.ObjectBytes), cmp.Compare(a.Name, b.Name))
	})
	return tables
}

// storedFiles counts the files of an object and their bytes.
func storedFiles(index *dumpfile.Index) (files, size int64) {
	if index.Baked == nil {
		return 0, 0
	}
	for _, table := range index.Baked.Tables {
		for _, file := range table.Files {
			files, size = files+1, size+file.Size
		}
	}
	return files, size
}
