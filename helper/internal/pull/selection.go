package pull

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// The errors of a pull of a part.
var (
	// ErrOnlyWhole means that the dump is one stream and does not show where a table's rows are.
	ErrOnlyWhole = errors.New("the dump can only be pulled as a whole")
	// ErrNoSuchTable means that a pattern of Selection.Tables matches no table of the dump.
	ErrNoSuchTable = errors.New("the dump has no such table")
	// ErrNothingLeft means that Selection.Skip leaves no table of the dump.
	ErrNothingLeft = errors.New("no table of the dump is left to pull")
)

// Selection is the part of a dump that is pulled. Its fields are patterns of table names: * matches any text, ? any
// character. A pattern matches a table of PostgreSQL by its name with its schema or without. The zero Selection is the whole
// dump.
type Selection struct {
	// Tables are pulled, and the rest of the local database stays as it is. Without any, everything is pulled.
	Tables        []string
	Skip          []string // these tables are not pulled and stay as they are
	StructureOnly []string // these come without their rows

	folds bool // the local server ignores the case of names
}

func (s Selection) isAll() bool { return !s.IsPart() && len(s.StructureOnly) == 0 }

// IsPart reports whether some tables of the local database stay as they are.
func (s Selection) IsPart() bool { return len(s.Tables)+len(s.Skip) > 0 }

// part returns which part of the local database is replaced.
func (s Selection) part(postgres bool) target.Part {
	if !s.IsPart() {
		return target.Part{}
	}
	folded := s
	folded.folds = true
	return target.Part{
		Has:    func(table string) bool { return s.has(table, postgres) },
		Folded: func(table string) bool { return folded.has(table, postgres) }, TablesOnly: len(s.Tables) > 0,
	}
}

// has reports whether a table is pulled, with or without its rows.
func (s Selection) has(table string, postgres bool) bool {
	return (len(s.Tables) == 0 || s.meant(s.Tables, table, postgres)) && !s.meant(s.Skip, table, postgres)
}

// narrow returns the index of the selected part of a dump: what comes before and after all rows, and the rows or files of
// the selected tables.
func (s Selection) narrow(index *dumpfile.Index) (*dumpfile.Index, error) {
	if s.isAll() {
		return index, nil
	}
	if index == nil || !index.Sectioned() {
		return nil, ErrOnlyWhole
	}
	postgres := sqltext.DialectOf(index.Engine) == sqltext.Postgres
	for _, pattern := range s.Tables {
		if !slices.ContainsFunc(index.Tables, func(t dumpfile.Table) bool { return s.meant([]string{pattern}, t.Name, postgres) }) {
			return nil, fmt.Errorf("%w: %s", ErrNoSuchTable, pattern)
		}
	}
	if s.count(index) == 0 {
		return nil, ErrNothingLeft
	}
	return withRowsOf(index, func(table string) bool { return s.has(table, postgres) && !s.meant(s.StructureOnly, table, postgres) }), nil
}

// withRowsOf returns the index of a dump with the rows or files of only some tables, and with what comes before and after all rows.
func withRowsOf(index *dumpfile.Index, has func(table string) bool) *dumpfile.Index {
	part := *index
	part.Rows, part.RawBytes, part.Tables, part.Chunks = 0, 0, slices.Clone(index.Tables), nil
	rows := make(map[string]bool, len(index.Tables))
	for i, table := range part.Tables {
		rows[table.Name] = has(table.Name)
		if !rows[table.Name] {
			part.Tables[i].Rows = index.TextRows[table.Name] // these come anyway
		}
		part.Rows += part.Tables[i].Rows
	}
	for _, chunk := range index.Chunks {
		if of := chunk.Section; (of == dump.Rows || of == dump.Files) && !rows[chunk.Table] {
			continue
		}
		part.RawBytes += chunk.RawSize
		part.Chunks = append(part.Chunks, chunk)
	}
	if index.Baked != nil {
		baked := *index.Baked
		baked.Tables = slices.DeleteFunc(slices.Clone(baked.Tables), func(t dumpfile.BakedTable) bool { return !rows[t.Name] })
		part.Baked = &baked
	}
	return &part
}

// count returns how many tables of a dump are pulled.
func (s Selection) count(index *dumpfile.Index) (tables int64) {
	postgres := sqltext.DialectOf(index.Engine) == sqltext.Postgres
	for _, table := range index.Tables {
		if s.has(table.Name, postgres) {
			tables++
		}
	}
	return tables
}

// meant reports whether one of the patterns matches a table.
func (s Selection) meant(patterns []string, table string, postgres bool) bool {
	if s.folds {
		patterns, table = strings.Split(strings.ToLower(strings.Join(patterns, "\x00")), "\x00"), strings.ToLower(table)
	}
	return wildcard.MatchAny(patterns, namesOf(table, postgres)...)
}

// namesOf returns the names of a table that patterns match: for PostgreSQL the one with its schema and the one without.
func namesOf(table string, postgres bool) []string {
	names := []string{table}
	if _, name, found := sqltext.SplitName(table); found && postgres {
		names = append(names, name)
	}
	return names
}

// maxGap is how many unneeded bytes are fetched to save a request.
const maxGap = 256 << 10

// ranges returns the ranges of an object that contain all chunks of an index.
func ranges(index *dumpfile.Index) (list []bucket.Range, bytes int64) {
	for _, chunk := range index.Chunks {
		next := bucket.Range{Offset: chunk.Offset, Size: chunk.Size}
		if last := len(list) - 1; last >= 0 {
			before := &list[last]
			if gap := next.Offset - before.Offset - before.Size; gap <= maxGap {
				before.Size += gap + next.Size
				bytes += gap + next.Size
				continue
			}
		}
		list = append(list, next)
		bytes += next.Size
	}
	return list, bytes
}
