package load

import "github.com/jobiqo/dump-refresh/helper/internal/sqltext"

// withEncoding returns a statement of a dump that is not bytes of an unknown encoding to a database that has one. Such bytes count as the database's
// own encoding: COPY would take them unchecked, and nobody could read them afterwards.
func withEncoding(text []byte) []byte {
	if len(text) > longestSetting {
		return text
	}
	tokens := sqltext.Tokens(text, sqltext.Postgres)
	if len(tokens) != 4 || !tokens[0].Is(text, "SET") || !tokens[1].Is(text, "CLIENT_ENCODING") || string(text[tokens[3].Start:tokens[3].End]) != "'SQL_ASCII'" {
		return text
	}
	return []byte("SELECT pg_catalog.set_config('client_encoding', pg_catalog.current_setting('server_encoding'), false)")
}

// longestSetting is the length up to which a statement is looked at, in bytes.
const longestSetting = 100
