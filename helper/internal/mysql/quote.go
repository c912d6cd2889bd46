package mysql

import "strings"

// QuoteName writes a name for MySQL.
func QuoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// QuoteQualified writes the name of something in a database for MySQL.
func QuoteQualified(database, name string) string { return QuoteName(database) + "." + QuoteName(name) }

// QuoteText writes a text for MySQL, whatever its sql_mode says about backslashes, as long as there are
// none in text.
func QuoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
