package read

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// readReferences asks MariaDB for the systems of reference of geometries: it keeps REF_SYSTEM_ID, and does not show it with
// the rest of a table.
func (r *schemaReader) readReferences(ctx context.Context) (map[string]map[string]string, error) {
	if r.server.flavour != "mariadb" {
		return nil, nil
	}
	rows, err := r.rows(ctx, "SELECT G_TABLE_NAME AS `table`, G_GEOMETRY_COLUMN AS `column`, SRID AS number"+
		" FROM information_schema.GEOMETRY_COLUMNS WHERE G_TABLE_SCHEMA = DATABASE() AND SRID <> 0")
	all := map[string]map[string]string{}
	for _, row := range rows {
		if all[row["table"]] == nil {
			all[row["table"]] = map[string]string{}
		}
		all[row["table"]][row["column"]] = row["number"]
	}
	return all, err
}

// withReferences puts systems of reference behind the types of a table's columns, for MariaDB alone.
func withReferences(create string, references map[string]string) string {
	if len(references) == 0 {
		return create
	}
	text := []byte(create)
	all := tokens(text)
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
