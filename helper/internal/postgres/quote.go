package postgres

import "strings"

// QuoteIdentifier quotes a name for PostgreSQL.
func QuoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// TableName is an expression for what a dump calls a table, see sqltext.JoinName, of expressions for the names of its schema and its own.
func TableName(schema, name string) string {
	return `CASE WHEN ` + schema + ` ~ '[."]' THEN '"' || replace(` + schema + `, '"', '""') || '"' ELSE ` + schema + ` END || '.' || ` + name
}

// QuoteText quotes a text for PostgreSQL.
func QuoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
