package load

import (
	"context"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
)

// Of a table that the server makes another one than the dump says it warns at most: that it took another engine, made
// a key of the beginning of a column, ignored an option.
var tableWarnings = []string{keyTooLong, otherEngine, optionIgnored, "1618"}

const keyTooLong, otherEngine, optionIgnored = "1071", "1266", "1478"

// tableWarning is what the server has said of a table, and the user has been told.
type tableWarning struct{ table, code string }

// hearOf notes what the server has to say of a table that it has just made or altered.
func (l *Load) hearOf(ctx context.Context, s *rewrite.Statement) error {
	listed, err := l.Pool.Sessions[0].Table(ctx, "SHOW WARNINGS")
	for _, one := range listed {
		if slices.Contains(tableWarnings, one["code"]) {
			note := "table " + s.Made() + ": the server warned as it was made: " + one["message"]
			l.Rewriter.Once.About(note, note)
			l.heard = append(l.heard, tableWarning{s.TableName(), one["code"]})
		}
	}
	return err
}
