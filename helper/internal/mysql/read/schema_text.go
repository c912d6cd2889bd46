package read

import (
	"bytes"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// bareSequences removes the database's name from the sequences that a table's defaults call. The server writes it there
// and nowhere else in a table's definition. A dump must also load into a database of another name.
func bareSequences(create, database string) string {
	if !strings.Contains(create, "val(`") {
		return create
	}
	text := []byte(create)
	all := sqltext.Tokens(text, sqltext.MySQL)
	return withoutQualifier(text, all, database, func(i int) bool {
		return i > 1 && all[i-1].IsSymbol(text, '(') &&
			(all[i-2].Is(text, "nextval") || all[i-2].Is(text, "lastval") || all[i-2].Is(text, "setval"))
	})
}

// bareTrigger removes the database's name from a trigger and its table, which the server keeps as they were written. It
// does not change what the trigger does.
func bareTrigger(create, database string) string {
	text := []byte(create)
	all := sqltext.Tokens(text, sqltext.MySQL)
	each := slices.IndexFunc(all, func(token sqltext.Token) bool { return token.Is(text, "EACH") })
	return withoutQualifier(text, all, database, func(i int) bool { return i < each })
}

// withoutQualifier removes a database's name and the dot behind it wherever it qualifies a name in a statement and at
// returns true for the token.
func withoutQualifier(text []byte, all []sqltext.Token, database string, at func(int) bool) string {
	var bare bytes.Buffer
	from := 0
	for i := 0; i+2 < len(all); i++ {
		if all[i+1].IsSymbol(text, '.') && strings.EqualFold(nameOf(text, all[i]), database) && at(i) {
			bare.Write(text[from:all[i].Start])
			from = all[i+2].Start
		}
	}
	bare.Write(text[from:])
	return bare.String()
}

// nameOf returns the name that a token stands for. Under ANSI_QUOTES, quotes around a name are those of a text
// elsewhere.
func nameOf(text []byte, token sqltext.Token) string {
	raw := string(text[token.Start:token.End])
	if token.Kind == sqltext.Text && len(raw) > 1 {
		return strings.ReplaceAll(raw[1:len(raw)-1], `""`, `"`)
	}
	return token.Name(text)
}

// delimiterFor returns a delimiter that does not occur in a text.
func delimiterFor(text string) string {
	delimiter := ";;"
	for strings.Contains(text, delimiter) {
		delimiter += ";"
	}
	return delimiter
}
