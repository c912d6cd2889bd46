package rewrite

import "github.com/jobiqo/dump-refresh/helper/internal/sqltext"

// knowsVersions is the version of MariaDB that first had system-versioned tables.
const knowsVersions = 100304

// versions says whether the server has system-versioned tables.
func (w *Rewriter) versions() bool { return w.Server.Since(knowsVersions, 0) }

// unversion makes a plain table of a system-versioned one for a server that has none of these, and says whether it did. The
// table's current rows remain.
func (w *Rewriter) unversion(s *Statement, elements []element, behind int, changes *sqltext.Edits) bool {
	if w.versions() || s.Verb != "CREATE" || s.Kind != "TABLE" {
		return false
	}
	found, numbered := false, false
	for _, e := range elements {
		numbered = numbered || s.isRowTime(e) && s.Word(e.first+1) == "BIGINT"
		for i := e.first; i < e.last; i++ {
			if s.words(i, "WITH", "SYSTEM", "VERSIONING") || s.words(i, "WITHOUT", "SYSTEM", "VERSIONING") {
				found = true
				changes.Replace(s.Tokens[i].Start, s.Tokens[i+2].End, "")
			}
		}
	}
	partitions, hasPartitions := s.partitions(behind)
	for i := behind; i < len(s.Tokens); i++ {
		switch {
		case s.words(i, "WITH", "SYSTEM", "VERSIONING"):
			found = true
			changes.Replace(s.Tokens[i].Start, s.Tokens[i+2].End, "")
		case hasPartitions && i == partitions.first && s.Word(i+2) == "SYSTEM_TIME":
			changes.Replace(s.Tokens[i].Start, s.Tokens[partitions.last-1].End, "")
			i = len(s.Tokens)
		}
	}
	if found {
		w.lacks(s.Made(), "", "WITH SYSTEM VERSIONING")
		if w.Unversioned == nil {
			w.Unversioned = map[string]bool{}
		}
		w.Unversioned[s.TableName()] = numbered
	}
	return found
}

// partitions returns the part of a CREATE TABLE that divides the table, which is the last one. behind is behind the columns.
func (s *Statement) partitions(behind int) (part element, is bool) {
	for i := behind; i < len(s.Tokens); i++ {
		if !s.words(i, "PARTITION", "BY") {
			continue
		}
		for _, c := range s.conditionals() {
			if c.first <= i && i < c.last {
				return element{i, c.last}, true
			}
		}
		return element{i, len(s.Tokens)}, true
	}
	return element{}, false
}

// isRowTime says whether an element is a column for the beginning or end of a row's version.
func (s *Statement) isRowTime(e element) bool {
	at := s.findIn(e, "AS")
	return s.isColumn(e) && at > 0 && s.Word(at+1) == "ROW" && (s.Word(at+2) == "START" || s.Word(at+2) == "END")
}
