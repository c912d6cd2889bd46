// Package literal writes values as literals of MySQL's SQL, and parses exactly those again: what it writes, a load adds to tables in bulk.
package literal

// Column is a column as information_schema describes it.
type Column struct {
	Name     string
	DataType string // such as int, varchar
	Charset  string // of text; empty for everything else
	// Numbered says that the values of an ENUM or SET are to be read as numbers: it has a member without text,
	// which a value that is none of the members looks like, too.
	Numbered bool
	// Primary says that it is of the key that the rows are stored by: the primary one, or what the server takes for it.
	Primary bool
}
