package load

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
)

// setNumbers sets the defaults that take numbers from other databases, where these have the sequences.
func (l *Load) setNumbers(ctx context.Context) error {
	if len(l.Rewriter.Numbered) == 0 {
		return nil
	}
	if err := l.Pool.Wait(); err != nil {
		return err
	}
	for _, table := range l.Rewriter.Numbered {
		if !l.Server.Config.Part.Includes(table.Table) || l.unmade[table.Table] {
			continue
		}
		var without []rewrite.Optional
		for _, d := range table.Defaults {
			reason := "it takes numbers from another database"
			if d.Statement != "" {
				err := l.Pool.Exec(ctx, d.Statement)
				if err == nil {
					continue
				}
				if !refuses(err) {
					return l.Server.Classify("set the defaults of table "+table.Table, err)
				}
				reason = l.reason(err)
			}
			l.Rewriter.Once.Lose(d.Where+d.Text, d.Where+": this server does not take "+d.Text+", which is left out: "+reason)
			without = append(without, d.Optional)
		}
		if len(without) > 0 {
			l.Rewriter.RedeclareNumbered(table, without)
		}
	}
	l.Rewriter.Numbered = nil
	return nil
}
