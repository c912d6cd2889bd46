package read

import (
	"bytes"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// bareSequences takes the database's name out of a table's calls of its sequences. The server writes it there,
// and nowhere else in the text of a table; a dump is for databases of other names, too.
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

// bareTrigger takes the database's name off a trigger and its table. The server keeps them as they were written;
// what the trigger does is left alone.
func bareTrigger(create, database string) string {
	text := []byte(create)
	all := sqltext.Tokens(text, sqltext.MySQL)
	each := slices.IndexFunc(all, func(token sqltext.Token) bool { return token.Is(text, "EACH") })
	return withoutQualifier(text, all, database, func(i int) bool { return i < each })
}

// withoutQualifier takes a database's name, and the dot behind it, out of a statement wherever it qualifies a
// name and is asked about with true.
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

// nameOf gives the name that a token stands for; under ANSI_QUOTES names are quoted as texts are elsewhere.
func nameOf(text []byte, token sqltext.Token) string {
	raw := string(text[token.Start:token.End])
	if token.Kind == sqltext.Text && len(raw) > 1 {
		return strings.ReplaceAll(raw[1:len(raw)-1], `""`, `"`)
	}
	return token.Name(text)
}

// delimiterFor gives a delimiter that is not in a text.
func delimiterFor(text string) string {
	delimiter := ";;"
	for strings.Contains(text, delimiter) {
		delimiter += ";"
	}
	return delimiter
}
