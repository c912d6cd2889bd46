package sqltext

import (
	"fmt"
	"maps"
)

// Stats are counts of the contents of a dump.
type Stats struct {
	// Bytes of SQL text.
	Bytes int64
	// Rows by table, for every table that the dump creates or fills; -1 if the text does not tell.
	Tables map[string]int64
	// Rows of all tables together, except those that the text does not tell.
	Rows int64
	// Statements counts the statements for the server, COPY included.
	Statements int64
	// Tool is the program that made the dump; "" if its comments do not tell. Header is its opening line; "" if the tool's dumps
	// have no closing line.
	Tool, Header string
	// Complete means that the dump ends as its tool's dumps do: with a closing line, or by closing what it opened at the
	// beginning.
	Complete bool
	// Missing is a sentence that says what is missing from a dump that is known to be cut off; "" otherwise. A dump that is
	// neither complete nor known to be cut off has no end that would tell.
	Missing string
	// Part is a sentence that says which part of a dump this is, if an option of its tool seems to have made it write only that; "" otherwise.
	// Chunks of a dump, and dumps of nothing but empty tables, look like parts as well.
	Part string
	// Bare says that the dump has tables without any row or key. It may be the first part of a dump, or all there is.
	Bare bool
}

// AddRows counts rows of a table that are in no text that was split.
func (s *Stats) AddRows(table string, rows, bytes int64) {
	s.Bytes += bytes
	s.Rows += rows
	s.Tables[table] += rows
}

// Join adds the counts of a text that follows. It does not judge whether the whole is complete.
func (s *Stats) Join(next Stats) {
	s.Bytes += next.Bytes
	s.Rows += next.Rows
	s.Statements += next.Statements
	if next.Header != "" {
		s.Tool, s.Header = next.Tool, next.Header
	}
	for table, rows := range next.Tables {
		before := s.Tables[table]
		if rows >= 0 && before >= 0 {
			s.Tables[table] = before + rows
			continue
		}
		s.Rows -= max(rows, 0) + max(before, 0)
		s.Tables[table] = -1
	}
}

type statistics struct {
	dialect Dialect
	Stats
	names  int // bytes that the names of tables take
	ending ending
}

func newStatistics(dialect Dialect) statistics {
	return statistics{dialect: dialect, Stats: Stats{Tables: map[string]int64{}}, ending: newEnding(dialect)}
}

func (s *statistics) snapshot() Stats {
	stats := s.Stats
	stats.Tables = maps.Clone(s.Tables)
	if tool := s.ending.tool; tool != nil {
		stats.Tool = tool.name
		if tool.closes != nil {
			stats.Header = s.ending.signed
		}
	}
	stats.Complete, stats.Missing, stats.Part = s.ending.whole(), s.ending.missing(), s.ending.part()
	stats.Bare = s.ending.bare()
	return stats
}

// longestNames is how many bytes the names of all tables may have, each with what else is kept of a table.
const longestNames, perTable = 96 << 20, 100

func (s *statistics) add(piece Piece) error {
	s.Bytes += int64(len(piece.Raw))
	switch piece.Kind {
	case Filler:
		s.ending.comment(piece.Raw)
	case Statement:
		s.Statements++
		s.ending.statement(piece.Text)
		s.readTable(piece.Text)
	case Rows, CopyBegin:
		if !piece.Partial {
			s.Statements++
		}
		s.ending.rows()
		s.addRows(piece)
	case CopyRows:
		s.addRows(piece)
	case Command:
		s.ending.command(piece.Raw)
	case CopyEnd:
	}
	if s.names > longestNames {
		return &TooLongError{"the list of tables that is complete", piece.Offset, fmt.Sprintf("%d names", len(s.Tables)-1)}
	}
	return nil
}

func (s *statistics) readTable(text []byte) {
	created, dropped := createdTable(text, s.dialect)
	if created != "" {
		if _, known := s.Tables[created]; !known {
			s.set(created, 0)
		}
	}
	if dropped != "" {
		if rows := s.Tables[dropped]; rows > 0 {
			s.Stats.Rows -= rows
		}
		if _, known := s.Tables[dropped]; known {
			s.names -= len(dropped) + perTable
		}
		delete(s.Tables, dropped)
	}
}

func (s *statistics) set(table string, rows int64) {
	if _, known := s.Tables[table]; !known {
		s.names += len(table) + perTable
	}
	s.Tables[table] = rows
}

func (s *statistics) addRows(piece Piece) {
	rows := s.Tables[piece.Table]
	switch {
	case piece.Table == "", rows < 0:
	case piece.Rows < 0:
		s.Stats.Rows -= rows
		s.set(piece.Table, -1)
	default:
		s.Stats.Rows += piece.Rows
		s.set(piece.Table, rows+piece.Rows)
	}
}
