package load

import (
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// columnsOf returns the columns that a COPY names; none if it means all.
func columnsOf(copyStatement string) (columns []string) {
	text := []byte(copyStatement)
	_, _, end := sqltext.QualifiedName(text, len("COPY"), sqltext.Postgres)
	token := sqltext.NextToken(text, end, sqltext.Postgres)
	if !token.IsSymbol(text, '(') {
		return nil
	}
	for token = sqltext.NextToken(text, token.End, sqltext.Postgres); token.Kind == sqltext.Word || token.Kind == sqltext.QuotedName || token.IsSymbol(text, ','); token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		if token.Kind != sqltext.Symbol {
			columns = append(columns, token.Name(text))
		}
	}
	return columns
}

// SameColumns compares the columns of incoming rows with those of the table.
func SameColumns(table string, bring, there []string) error {
	if len(bring) == 0 {
		return nil // loading the rows shows whether they fit
	}
	for _, column := range bring {
		if !slices.Contains(there, column) {
			return &target.UnfitError{Table: table, Reason: "it has no column " + column + " locally, or a generated one"}
		}
	}
	for _, column := range there {
		if !slices.Contains(bring, column) {
			return &target.UnfitError{Table: table, Reason: "it has a column " + column + " only locally"}
		}
	}
	return nil
}
