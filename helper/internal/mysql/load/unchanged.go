package load

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// checkUnchanged fails with *target.DifferentError if a table that stays has another definition than in the dump. The head of the dump has
// made all tables, so the server itself says what each would be like. Counters count: a table without them would give out other numbers.
// The account that loads the dump may not see the live database, so the pull's own one looks.
func (l *Load) checkUnchanged(ctx context.Context) error {
	n := l.Server.Names
	tables, err := l.Lock.Tables(ctx, n.Live)
	if err != nil {
		return l.Server.Classify("list the tables of database "+n.Live, err)
	}
	different := &target.DifferentError{}
	for _, table := range tables {
		if l.Server.Config.Part.Includes(table) {
			continue
		}
		var shown [2]string
		for i, database := range []string{n.Live, n.Incoming} {
			shown[i], err = mysql.ShowCreateTable(ctx, l.Lock.Conn, mysql.QuoteQualified(database, table))
			if err != nil && mysql.Errno(err) == 0 {
				return l.Server.Classify("read the definition of table "+table, err)
			}
		}
		if shown[0] == "" || shown[0] != shown[1] {
			different.Tables = append(different.Tables, table)
		}
	}
	if len(different.Tables) > 0 {
		return different
	}
	return nil
}
