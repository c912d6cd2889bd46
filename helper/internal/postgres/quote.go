package postgres

import "strings"

// QuoteIdentifier quotes a name for PostgreSQL.
func QuoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteSetting quotes a value for a connection string.
func QuoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'"
}

// QuoteText quotes a text for PostgreSQL.
func QuoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
