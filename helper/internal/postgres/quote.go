package postgres

import "strings"

// QuoteIdentifier writes a name for PostgreSQL.
func QuoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteSetting writes a value for a connection string.
func QuoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'"
}

// QuoteText writes a text for PostgreSQL.
func QuoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
