package load

import (
	"context"
	"errors"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/admit"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// notAdmitted is the judgement that a statement must not be sent.
type notAdmitted struct{ error }

func (e *notAdmitted) Unwrap() error { return e.error }

// prepareToAdmit makes the judge of the dump's statements.
func (l *Load) prepareToAdmit(ctx context.Context) error {
	l.judge = &admit.Judge{Server: l.Server.Release, Database: l.Server.Names.Incoming, Loadable: map[string]bool{}}
	for _, list := range []string{"SELECT name FROM mysql.func", "SELECT UDF_NAME AS name FROM performance_schema.user_defined_functions"} {
		names, err := l.Lock.List(ctx, list)
		if err != nil && mysql.Errno(err) == 0 {
			return l.Server.Classify("list the server's own functions", err)
		}
		for _, name := range names {
			l.judge.Loadable[strings.ToUpper(name)] = true
		}
	}
	return l.Server.Classify("ask for the sessions' settings", l.readMode(ctx))
}

// readMode asks the sessions how they read statements. All must do it in the same way.
func (l *Load) readMode(ctx context.Context) error {
	l.judge.ModeChanged = false
	if err := l.Pool.Wait(); err != nil {
		return err
	}
	for i, s := range l.Pool.Sessions {
		rows, err := s.Table(ctx, "SELECT @@sql_mode AS mode, @@character_set_client AS charset")
		if err != nil {
			return err
		}
		mode := admit.ModeOf(rows[0]["mode"], rows[0]["charset"])
		if i > 0 && mode != l.judge.Mode {
			return &notAdmitted{errors.New("it gives each session another value")}
		}
		l.judge.Mode = mode
	}
	return nil
}

// admits returns an error if a statement must not be sent.
func (l *Load) admits(statement []byte) error {
	err := l.judge.Statement(statement)
	if setting := (*admit.SettingError)(nil); err == nil || errors.As(err, &setting) {
		return err
	}
	return &notAdmitted{err}
}

// execAdmitted has the first session run a statement that was made of one of the dump.
func (l *Load) execAdmitted(ctx context.Context, statement []byte) error {
	if err := l.admits(statement); err != nil {
		return err
	}
	return l.Pool.Exec(ctx, string(statement))
}

// withoutValues returns the beginning of a statement for a message. Values may be personal data.
func withoutValues(statement []byte) string {
	const longest = 200
	begin := statement[:min(len(statement), longest)]
	var words []string
	for _, token := range sqltext.Tokens(begin, sqltext.MySQL) {
		word := token.Name(begin)
		switch {
		case token.IsSymbol(begin, '(') && (len(words) > 0 && (strings.EqualFold(words[0], "INSERT") || strings.EqualFold(words[0], "REPLACE"))):
			return joined(append(words, "…"))
		case token.Kind == sqltext.Text, token.Kind == sqltext.Word && word[0] >= '0' && word[0] <= '9':
			word = "…"
		case token.Kind == sqltext.QuotedName:
			word = string(begin[token.Start:token.End])
		}
		words = append(words, word)
	}
	return joined(words)
}

func joined(words []string) string {
	return target.Excerpt([]byte(strings.ReplaceAll(strings.Join(words, " "), " . ", ".")))
}
