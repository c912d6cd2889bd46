package localdb

import (
	"slices"
	"strings"
)

// A server may not tell upper from lower case in the names of tables and views (lower_case_table_names): of two that
// differ in nothing else, the one that is made later takes the place of the other.

// folded keeps the names that have been met, by what they are to such a server.
type folded map[string]string

// meet refuses a name that is another one's to the server.
func (f folded) meet(name string) error {
	key := strings.ToLower(name)
	if other, met := f[key]; met && other != name {
		return &NamesError{First: other, Second: name}
	}
	f[key] = name
	return nil
}

// SameNames refuses tables whose names are the same to a server that does not tell upper from lower case, with *NamesError.
func SameNames(tables []string) error {
	f := folded{}
	for _, table := range tables {
		if err := f.meet(table); err != nil {
			return err
		}
	}
	return nil
}

// meet refuses a statement that makes what takes the place of something else.
func (l *mysqlLoad) meet(s *statement) error {
	if !l.db.info.FoldsNames || s.verb != "CREATE" || !slices.Contains([]string{"TABLE", "VIEW", "SEQUENCE"}, s.kind) {
		return nil
	}
	at := s.find(s.kind) + 1
	for slices.Contains([]string{"IF", "NOT", "EXISTS"}, s.word(at)) {
		at++
	}
	return l.made.meet(s.nameAt(at))
}
