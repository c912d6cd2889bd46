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
	// Tables are those with columns that are computed from others, whose values are in no dump: a server that does not know
	// their expressions cannot have these tables.
	Tables []TableNeed `json:"tables,omitempty"`
}

// TableNeed is a table that a server takes as a whole or not at all.
type TableNeed struct {
	Table string `json:"table"`
	// Statement counts the statements of the dump's text from 1, and Offset is where the one that makes the table begins.
	Statement int64 `json:"statement"`
	Offset    int64 `json:"offset"`
	// Definition makes a table with the computed columns, and with those that they use.
	Definition string `json:"definition"`
}
