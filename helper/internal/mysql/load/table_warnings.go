package load

import (
	"context"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
)

// When a server makes a table different from its definition, it warns at most: it chose another engine, shortened a
// key, or ignored an option.
var tableWarnings = []string{keyTooLong, otherEngine, optionIgnored, "1618"}

const keyTooLong, otherEngine, optionIgnored = "1071", "1266", "1478"

// rowTooLong is MariaDB's warning that it does not take all rows that a table's columns allow. MySQL writes one to its log.
const rowTooLong = "139"

// tableWarning is a warning about a table that the user has seen.
type tableWarning struct{ table, code string }

// hearOf notes what the server reports about a table that it has just created or altered.
func (l *Load) hearOf(ctx context.Context, s *rewrite.Statement) error {
	listed, err := l.Pool.Sessions[0].Table(ctx, "SHOW WARNINGS")
	for _, one := range listed {
		if one["code"] == rowTooLong && l.Server.Config.Part.Includes(s.TableName()) {
			l.mayBeTooLong = append(l.mayBeTooLong, s.TableName())
		}
		if slices.Contains(tableWarnings, one["code"]) {
			note := "table " + s.Made() + ": the server warned as it was made: " + one["message"]
			l.Rewriter.Once.Lose(note, note)
			l.heard = append(l.heard, tableWarning{s.TableName(), one["code"]})
		}
	}
	return err
}
