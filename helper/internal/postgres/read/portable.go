package read

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// pg_dump begins with settings of its own version. psql stops at one that the server does not know, although the dump may hold
// nothing else that the server lacks. So these settings are made only where they exist.

// everywhere are the settings that pg_dump makes and that every server since 9.6 has.
var everywhere = []string{
	"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "client_encoding", "standard_conforming_strings",
	"check_function_bodies", "xmloption", "client_min_messages", "row_security", "default_tablespace", "search_path",
	"escape_string_warning", "session_replication_role",
}

// portable returns what to write for a piece of pg_dump's text.
func portable(piece sqltext.Piece) []byte {
	if piece.Kind != sqltext.Statement || len(piece.Text) > longestSetting {
		return piece.Raw
	}
	name, value, is := setting(piece.Text)
	// Tables in another access method than everybody's need it: that must fail where it is not there.
	if !is || slices.Contains(everywhere, name) || name == "default_table_access_method" && value != "heap" {
		return piece.Raw
	}
	made := "SELECT pg_catalog.set_config(name, " + postgres.QuoteText(value) + ", false) FROM pg_catalog.pg_settings WHERE name = " + postgres.QuoteText(name)
	return []byte(strings.Replace(string(piece.Raw), string(piece.Text), made, 1))
}

const longestSetting = 1 << 10

// setting reads SET name = value.
func setting(text []byte) (name, value string, is bool) {
	tokens := sqltext.Tokens(text, sqltext.Postgres)
	if len(tokens) != 4 || !tokens[0].Is(text, "SET") || tokens[1].Kind != sqltext.Word || !tokens[2].IsSymbol(text, '=') {
		return "", "", false
	}
	value = tokens[3].Name(text)
	if tokens[3].Kind == sqltext.Text {
		value = strings.ReplaceAll(strings.Trim(value, "'"), "''", "'")
	}
	return strings.ToLower(tokens[1].Name(text)), value, tokens[3].Kind == sqltext.Word || tokens[3].Kind == sqltext.Text
}
