// Package literal writes values as literals of MySQL's SQL, and parses exactly what it writes, so that a load can add
// such rows in bulk.
package literal

// Column is a column as information_schema describes it.
type Column struct {
	Name     string
	DataType string // such as int, varchar
	Charset  string // of text; empty for everything else
	// Numbered means that the values of an ENUM or SET are read as numbers: it has an empty member, and a value that is
	// none of the members looks like that, too.
	Numbered bool
	// Primary means that the column belongs to the key in whose order the rows are stored: the primary key, or the key
	// that the server uses instead.
	Primary bool
}
