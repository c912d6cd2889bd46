package sqltext

import (
	"bytes"
	"maps"
	"strings"
)

// Stats tells what a dump holds.
type Stats struct {
	// Bytes of SQL text.
	Bytes int64
	// Rows by table, for every table that the dump creates or fills; -1 where the text does not tell.
	Tables map[string]int64
	// Rows of all tables together, of which those are left out that the text does not tell.
	Rows int64
	// Statements counts those for the server, COPY included.
	Statements int64
	// Header is the line by which a dump client opens its dump, "" where none did.
	Header string
	// Complete says that the dump ends with the line by which dump clients say that they came to
	// the end. A dump with a header and without that line is cut off.
	Complete bool
}

type statistics struct {
	dialect Dialect
	Stats
}

func newStatistics(dialect Dialect) statistics {
	return statistics{dialect: dialect, Stats: Stats{Tables: map[string]int64{}}}
}

func (s *statistics) snapshot() Stats {
	stats := s.Stats
	stats.Tables = maps.Clone(s.Tables)
	return stats
}

func (s *statistics) add(piece Piece) {
	s.Bytes += int64(len(piece.Raw))
	switch piece.Kind {
	case Filler:
		s.readComments(piece.Raw)
	case Statement:
		s.Statements++
		s.Complete = false
		s.readTable(piece.Text)
	case Rows, CopyBegin:
		s.Statements++
		s.Complete = false
		s.addRows(piece)
	case CopyRows:
		s.addRows(piece)
	case CopyEnd, Command:
	}
}

func (s *statistics) readTable(text []byte) {
	created, dropped := createdTable(text, s.dialect)
	if created != "" {
		if _, known := s.Tables[created]; !known {
			s.Tables[created] = 0
		}
	}
	if dropped != "" {
		if rows := s.Tables[dropped]; rows > 0 {
			s.Stats.Rows -= rows
		}
		delete(s.Tables, dropped)
	}
}

func (s *statistics) addRows(piece Piece) {
	rows := s.Tables[piece.Table]
	switch {
	case piece.Table == "", rows < 0:
	case piece.Rows < 0:
		s.Stats.Rows -= rows
		s.Tables[piece.Table] = -1
	default:
		s.Stats.Rows += piece.Rows
		s.Tables[piece.Table] = rows + piece.Rows
	}
}

// The lines by which dumps of our own, of mysqldump, mariadb-dump and pg_dump open and close their dumps.
var (
	headers  = []string{"-- dump-helper dump", "-- MySQL dump ", "-- MariaDB dump ", "-- PostgreSQL database dump"}
	trailers = []string{"-- Dump completed", "-- PostgreSQL database dump complete"}
)

func (s *statistics) readComments(text []byte) {
	if !bytes.Contains(text, []byte("-- ")) {
		return
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		switch {
		case hasAnyPrefix(line, trailers):
			s.Complete = true
		case hasAnyPrefix(line, headers):
			s.Header, s.Complete = string(line), false
		}
	}
}

func hasAnyPrefix(line []byte, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(string(line), prefix) {
			return true
		}
	}
	return false
}
