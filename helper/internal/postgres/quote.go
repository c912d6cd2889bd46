package postgres

import "strings"

// QuoteIdentifier quotes a name for PostgreSQL.
func QuoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteText quotes a text for PostgreSQL.
func QuoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
