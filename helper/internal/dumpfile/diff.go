package dumpfile

import (
	"cmp"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// Difference says how a dump differs from an earlier one, by their indexes alone.
type Difference struct {
	// Definitions is true if anything but rows differs: tables, keys, views, routines. It is nil if the indexes do not tell.
	Definitions *bool             `json:"definitions,omitempty"`
	Tables      []TableDifference `json:"tables"` // those that differ, the largest difference first
}

// TableDifference is a table whose rows differ.
type TableDifference struct {
	Name string `json:"name"`
	// Before and After are its rows, -1 if their number is unknown; nil where the table is missing.
	Before *int64 `json:"before,omitempty"`
	After  *int64 `json:"after,omitempty"`
	// ChangedBytes is how much SQL of the later dump is in chunks that the earlier one does not have; nil if the indexes do not tell. Rows
	// that are gone leave no bytes but change the chunk around them.
	ChangedBytes *int64 `json:"changed_bytes,omitempty"`
}

// Diff compares two dumps.
func Diff(before, after *Index) Difference {
	old, now := groupChunks(before), groupChunks(after)
	var d Difference
	if old != nil && now != nil {
		differ := !slices.Equal(old.text, now.text)
		d.Definitions = &differ
	}
	rows := func(idx *Index) map[string]*int64 {
		found := make(map[string]*int64, len(idx.Tables))
		for _, table := range idx.Tables {
			found[table.Name] = &table.Rows
		}
		return found
	}
	oldRows, nowRows := rows(before), rows(after)
	names := make([]string, 0, len(nowRows))
	for name := range nowRows {
		names = append(names, name)
	}
	for name := range oldRows {
		if nowRows[name] == nil {
			names = append(names, name)
		}
	}
	for _, name := range names {
		table := TableDifference{Name: name, Before: oldRows[name], After: nowRows[name]}
		differs := table.Before == nil || table.After == nil || *table.Before != *table.After
		if old != nil && now != nil {
			changed, same := compareChunks(old.rows[name], now.rows[name])
			table.ChangedBytes = &changed
			differs = differs || !same
		}
		if differs {
			d.Tables = append(d.Tables, table)
		}
	}
	size := func(t TableDifference) int64 {
		if t.ChangedBytes == nil {
			return 0
		}
		return *t.ChangedBytes
	}
	slices.SortFunc(d.Tables, func(a, b TableDifference) int {
		return cmp.Or(cmp.Compare(size(b), size(a)), cmp.Compare(a.Name, b.Name))
	})
	return d
}

// chunkGroups are the hashes of a dump's chunks.
type chunkGroups struct {
	text []Digest // of what is no table's rows, in order
	rows map[string]map[Digest]chunkCount
}

// chunkCount is how often there is a chunk of so many bytes.
type chunkCount struct {
	times int
	bytes int64
}

// groupChunks returns nil for an index that does not have the hashes, or whose chunks are not those of one table each.
func groupChunks(idx *Index) *chunkGroups {
	if !idx.Sectioned() {
		return nil
	}
	groups := &chunkGroups{rows: make(map[string]map[Digest]chunkCount)}
	for _, chunk := range idx.Chunks {
		switch {
		case chunk.RawSHA256 == nil:
			return nil
		case chunk.Section != dump.Rows && chunk.Section != dump.Files:
			groups.text = append(groups.text, *chunk.RawSHA256)
			continue
		case groups.rows[chunk.Table] == nil:
			groups.rows[chunk.Table] = make(map[Digest]chunkCount)
		}
		count := groups.rows[chunk.Table][*chunk.RawSHA256]
		groups.rows[chunk.Table][*chunk.RawSHA256] = chunkCount{count.times + 1, chunk.RawSize}
	}
	return groups
}

// compareChunks returns how many bytes of a table's chunks are new, and whether they are the same as before.
func compareChunks(before, after map[Digest]chunkCount) (changed int64, same bool) {
	same = len(before) == len(after)
	for sum, count := range after {
		more := count.times - before[sum].times
		same = same && more == 0
		changed += int64(max(more, 0)) * count.bytes
	}
	return changed, same
}

// Unchanged returns the tables that have the same rows in both dumps, as far as the indexes tell, each with the size of its rows in the
// later one in bytes of SQL. It returns none of those that a rule dumps without rows.
func Unchanged(before, after *Index) map[string]int64 {
	old, now := groupChunks(before), groupChunks(after)
	if old == nil || now == nil {
		return nil
	}
	without := slices.Concat(before.Rules.StructureOnly, after.Rules.StructureOnly)
	rows := make(map[string]int64, len(before.Tables))
	for _, table := range before.Tables {
		rows[table.Name] = table.Rows
	}
	same := make(map[string]int64)
	for _, table := range after.Tables {
		was, known := rows[table.Name]
		inText := before.TextRows[table.Name] + after.TextRows[table.Name]
		if !known || was != table.Rows || was < 0 || inText > 0 || slices.Contains(without, table.Name) {
			continue
		}
		if _, equal := compareChunks(old.rows[table.Name], now.rows[table.Name]); !equal {
			continue
		}
		same[table.Name] = 0
		for _, chunk := range now.rows[table.Name] {
			same[table.Name] += int64(chunk.times) * chunk.bytes
		}
	}
	return same
}
