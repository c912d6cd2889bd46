package pull

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// What keeps a part of a dump from being pulled.
var (
	// ErrOnlyWhole means that the dump is one stream: there is no telling where a table's rows are.
	ErrOnlyWhole = errors.New("the dump can only be pulled as a whole")
	// ErrNoSuchTable means that a pattern of Selection.Tables means no table of the dump.
	ErrNoSuchTable = errors.New("the dump has no such table")
)

// Selection says whose rows are pulled, by patterns of table names in which * stands for any text and ? for any
// one character. A table of PostgreSQL is meant by its name with its schema and without. The zero Selection is
// the whole dump.
type Selection struct {
	Tables        []string // these; all where there is none
	Skip          []string // but not these
	StructureOnly []string // these come without their rows
}

func (s Selection) isAll() bool { return len(s.Tables)+len(s.Skip)+len(s.StructureOnly) == 0 }

// narrow gives the index of the part of a dump that is selected: what comes before and after all rows, and the
// rows of some tables.
func (s Selection) narrow(index *dumpfile.Index) (*dumpfile.Index, error) {
	if s.isAll() {
		return index, nil
	}
	if index == nil || !index.Sectioned() {
		return nil, ErrOnlyWhole
	}
	postgres := sqltext.DialectOf(index.Engine) == sqltext.Postgres
	for _, pattern := range s.Tables {
		if !slices.ContainsFunc(index.Tables, func(t dumpfile.Table) bool { return meant([]string{pattern}, t.Name, postgres) }) {
			return nil, fmt.Errorf("%w: %s", ErrNoSuchTable, pattern)
		}
	}
	part := *index
	part.Rows, part.RawBytes, part.Tables, part.Chunks = 0, 0, slices.Clone(index.Tables), nil
	rows := make(map[string]bool, len(index.Tables))
	for i, table := range part.Tables {
		rows[table.Name] = s.hasRowsOf(table.Name, postgres)
		if !rows[table.Name] {
			part.Tables[i].Rows = 0
		}
		part.Rows += part.Tables[i].Rows
	}
	for _, chunk := range index.Chunks {
		if chunk.Section == dumpfile.SectionRows && !rows[chunk.Table] {
			continue
		}
		part.RawBytes += chunk.RawSize
		part.Chunks = append(part.Chunks, chunk)
	}
	return &part, nil
}

func (s Selection) hasRowsOf(table string, postgres bool) bool {
	return (len(s.Tables) == 0 || meant(s.Tables, table, postgres)) && !meant(s.Skip, table, postgres) && !meant(s.StructureOnly, table, postgres)
}

// meant says whether a table is meant by one of the patterns.
func meant(patterns []string, table string, postgres bool) bool {
	names := []string{table}
	if _, name, found := strings.Cut(table, "."); found && postgres {
		names = append(names, name)
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return matches([]rune(pattern), []rune(name)) })
	})
}

// matches goes back to the last star where the text behind it turns out to be another.
func matches(pattern, name []rune) bool {
	star, behind, at := -1, 0, 0
	for i := 0; i < len(name); {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, behind = at, i
			at++
		case at < len(pattern) && (pattern[at] == '?' || pattern[at] == name[i]):
			at++
			i++
		case star >= 0:
			behind++
			at, i = star+1, behind
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[at:]), "*") == ""
}

// bridged is how many bytes that nobody needs are fetched rather than making one more request.
const bridged = 256 << 10

// ranges are the stretches of an object that have all chunks of an index.
func ranges(index *dumpfile.Index) (list []bucket.Range, bytes int64) {
	for _, chunk := range index.Chunks {
		next := bucket.Range{Offset: chunk.Offset, Size: chunk.Size}
		if last := len(list) - 1; last >= 0 {
			before := &list[last]
			if gap := next.Offset - before.Offset - before.Size; gap <= bridged {
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
