package dump

// Needs are what a dump's definitions ask of a server, besides its engine and version. The index has them, so that a pull can
// tell before it fetches the dump whether the local server takes it.
type Needs struct {
	Engines    []string `json:"engines,omitempty"` // of tables, in lower case, as all lists
	Types      []string `json:"types,omitempty"`
	Charsets   []string `json:"charsets,omitempty"`
	Collations []string `json:"collations,omitempty"`
	// Features are what not all servers have, such as "sequences".
	Features []string `json:"features,omitempty"`
	// Extensions are those of PostgreSQL, with their versions, such as "citext 1.6".
	Extensions []string `json:"extensions,omitempty"`
	// Tables are those that not every server can have: with columns that are computed from others, whose values are in no dump, or
	// with what an extension brings.
	Tables []TableNeed `json:"tables,omitempty"`
}

// TableNeed is a table that a server takes as a whole or not at all.
type TableNeed struct {
	Table string `json:"table"`
	// Statement counts the statements of the dump's text from 1, and Offset is where the one that makes the table begins. Both are 0 if
	// that is not known.
	Statement int64 `json:"statement,omitempty"`
	Offset    int64 `json:"offset,omitempty"`
	// Definition makes a table with the computed columns, and with those that they use; "" if there are none.
	Definition string `json:"definition,omitempty"`
	// Of is what the server must have, such as extension citext.
	Of []Requirement `json:"of,omitempty"`
}

// Requirement is something outside of a dump that a table needs.
type Requirement struct {
	Kind RequirementKind `json:"kind"`
	Name string          `json:"name"`
}

// RequirementKind says what a Requirement is.
type RequirementKind string

// The kinds that tables of PostgreSQL need.
const (
	Extension         RequirementKind = "extension"
	Collation         RequirementKind = "collation" // one of the server's own
	CollationProvider RequirementKind = "collation provider"
)

// String returns the kind and the name.
func (r Requirement) String() string { return string(r.Kind) + " " + r.Name }
