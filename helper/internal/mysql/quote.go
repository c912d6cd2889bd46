package mysql

import "strings"

// QuoteName writes a name for MySQL.
func QuoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// QuoteText writes a text for MySQL, whatever its sql_mode says about backslashes, as long as there are
// none in text.
func QuoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
