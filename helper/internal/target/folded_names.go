package target

import "strings"

// A server may not tell upper from lower case in the names of tables and views (lower_case_table_names): of two that
// differ in nothing else, the one that is made later takes the place of the other.

// FoldedNames keeps the names that were claimed, by what they are to such a server.
type FoldedNames map[string]string

// Claim refuses a name that such a server takes for one that is already claimed.
func (f FoldedNames) Claim(name string) error {
	key := strings.ToLower(name)
	if other, met := f[key]; met && other != name {
		return &NamesError{First: other, Second: name}
	}
	f[key] = name
	return nil
}

// SameNames refuses tables whose names are the same to a server that does not tell upper from lower case, with *NamesError.
func SameNames(tables []string) error {
	f := FoldedNames{}
	for _, table := range tables {
		if err := f.Claim(table); err != nil {
			return err
		}
	}
	return nil
}
