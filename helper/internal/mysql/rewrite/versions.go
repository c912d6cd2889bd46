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
	for i := behind; i < len(s.Tokens); i++ {
		switch {
		case s.words(i, "WITH", "SYSTEM", "VERSIONING"):
			found = true
			changes.Replace(s.Tokens[i].Start, s.Tokens[i+2].End, "")
		case s.words(i, "PARTITION", "BY", "SYSTEM_TIME"):
			end := s.Tokens[len(s.Tokens)-1].End
			for _, c := range s.conditionals() {
				if c.first <= i && i < c.last {
					end = s.Tokens[c.last-1].End
				}
			}
			changes.Replace(s.Tokens[i].Start, end, "")
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

// isRowTime says whether an element is a column for the beginning or end of a row's version.
func (s *Statement) isRowTime(e element) bool {
	at := s.findIn(e, "AS")
	return s.isColumn(e) && at > 0 && s.Word(at+1) == "ROW" && (s.Word(at+2) == "START" || s.Word(at+2) == "END")
}
