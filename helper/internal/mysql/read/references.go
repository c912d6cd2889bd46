package read

import (
	"bytes"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// withReferences adds reference systems to the types of a table's columns, in comments that only MariaDB reads.
func withReferences(create string, references map[string]string) string {
	if len(references) == 0 {
		return create
	}
	text := []byte(create)
	all := sqltext.Tokens(text, sqltext.MySQL)
	var full bytes.Buffer
	from, depth := 0, 0
	for i, token := range all {
		switch {
		case token.IsSymbol(text, '('):
			depth++
		case token.IsSymbol(text, ')'):
			depth--
		case depth == 1 && i+1 < len(all) && token.Kind == sqltext.QuotedName && (all[i-1].IsSymbol(text, '(') || all[i-1].IsSymbol(text, ',')):
			if number, is := references[token.Name(text)]; is {
				full.Write(text[from:all[i+1].End])
				fmt.Fprintf(&full, " /*M!100102 REF_SYSTEM_ID=%s */", number)
				from = all[i+1].End
			}
		}
	}
	full.Write(text[from:])
	return full.String()
}
