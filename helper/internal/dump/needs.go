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
	// PageSize is the size of the pages in which InnoDB has the rows, in bytes; 0 if unknown. Larger pages take longer rows and keys.
	PageSize int64 `json:"page_size,omitempty"`
	// Tables are those of PostgreSQL that not every server can have.
	Tables []TableNeed `json:"tables,omitempty"`
}

// TableNeed is a table that a server takes as a whole or not at all.
type TableNeed struct {
	Table string `json:"table"`
	// Of is what the server must have, such as extension citext.
	Of []Requirement `json:"of"`
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
