package load

import (
	"bytes"
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Takes fails with *target.TablesError if the server does not take the generated columns of some tables. It tries them with temporary
// tables. What cannot be tried that way shows as the dump is loaded.
func Takes(ctx context.Context, db *session.Server, needs *dump.Needs) error {
	if needs == nil || len(needs.Tables) == 0 || !db.About.Exists {
		return nil
	}
	s, err := db.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	silent := target.NewOnce(func(string) {})
	w := &rewrite.Rewriter{
		Once: silent, Account: db.Account, Server: db.Release,
		Collations: &rewrite.Collations{Ask: s, Once: silent, Nearest: map[string]string{}},
	}
	for _, setting := range []string{"USE " + mysql.QuoteName(db.Names.Live), "SET SESSION sql_mode = " + mysql.QuoteText(modeForRows(""))} {
		if err := s.Exec(ctx, setting); err != nil {
			return db.Classify("try the tables of the dump", err)
		}
	}
	var refused target.TablesError
	for _, need := range needs.Tables {
		if !db.Config.Part.Includes(need.Table) {
			continue
		}
		text, err := w.Rewrite(ctx, []byte(need.Definition))
		if err != nil {
			return db.Classify("try the tables of the dump", err)
		}
		create, is := bytes.CutPrefix(text, []byte("CREATE TABLE "))
		if !is {
			continue
		}
		const trial = "dump_refresh_trial"
		_, columns, _ := bytes.Cut(create, []byte(mysql.QuoteName(need.Table)))
		err = s.Exec(ctx, "CREATE TEMPORARY TABLE "+trial+string(columns))
		switch {
		case err == nil:
			err = s.Exec(ctx, "DROP TEMPORARY TABLE "+trial)
		case refuses(err) && db.SettingBehind(ctx, err) == nil:
			refused.Tables = append(refused.Tables, need.Table)
			refused.Refusals = append(refused.Refusals, &target.LoadError{
				Statement: need.Statement, Offset: need.Offset, Excerpt: target.Excerpt([]byte(need.Definition)), Message: mysql.ServerMessage(err), Err: err,
			})
			continue
		case mysql.Errno(err) != 0:
			return nil // the account may not make temporary tables
		}
		if err != nil {
			return db.Classify("try the tables of the dump", err)
		}
	}
	if len(refused.Tables) > 0 {
		refused.InChunks = true
		return &refused
	}
	return nil
}
