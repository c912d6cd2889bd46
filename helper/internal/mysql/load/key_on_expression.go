package load

import (
	"context"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
)

// knowsHiddenColumns is the version of MariaDB that first had columns which an INSERT without a list of columns passes over.
const knowsHiddenColumns = 100303

// keysOnExpressions makes the keys that the tables of the last statement lack: each gets a hidden generated column for its expression.
// A key that cannot be made is left out, with a note: the rows matter more.
func (l *Load) keysOnExpressions(ctx context.Context) error {
	for _, key := range l.Rewriter.TakeKeysOnExpressions() {
		columns, err := l.keyOnExpression(ctx, key)
		once := l.Rewriter.Once
		switch {
		case l.unmade[key.Table], mysql.Errno(err) == mysql.ErrnoUnknownTable:
		case refuses(err):
			once.Lose(key.String(), key.String()+": this server does not take a key on "+key.Text()+", which is left out: "+l.reason(err))
		case err != nil:
			return err
		case len(columns) == 0:
			once.Lose(key.String(), key.String()+": this server does not know a key on an expression, which is left out")
		case len(columns) == 1:
			once.Lose(key.String(), key.String()+": the hidden column "+columns[0]+" takes the place of the expression "+key.Text())
		default:
			once.Lose(key.String(), key.String()+": the hidden columns "+strings.Join(columns, ", ")+" take the place of the expressions "+key.Text())
		}
	}
	return nil
}

// keyOnExpression makes a key, and returns its hidden columns; none if the server has no such columns.
func (l *Load) keyOnExpression(ctx context.Context, key rewrite.KeyOnExpression) (columns []string, err error) {
	if !l.Server.Release.Since(knowsHiddenColumns, 0) {
		return nil, nil
	}
	var types []string
	for _, part := range key.Parts {
		switch {
		case part.Values, key.Unique && strings.Contains(strings.ToLower(part.Expression), "json_"):
			return nil, nil // values of JSON read differently here, and rows that MySQL holds apart could be the same
		case part.Expression == "":
			continue
		}
		kind, err := l.typeOf(ctx, key.Table, part.Expression)
		if err != nil {
			return nil, err
		}
		types = append(types, kind)
	}
	columns, statement := key.Named(types)
	if err := l.execAdmitted(ctx, []byte(statement)); err != nil {
		return nil, err
	}
	l.Rewriter.DeclareKey(key.Table, statement)
	return columns, nil
}

// typeOf returns the type that the server gives an expression about a table.
func (l *Load) typeOf(ctx context.Context, table, expression string) (string, error) {
	const trial = "dump_refresh_type"
	if err := l.judge.Expression([]byte(expression)); err != nil {
		return "", &notAdmitted{err}
	}
	if err := l.Pool.Exec(ctx, "CREATE TEMPORARY TABLE "+trial+" AS SELECT ("+expression+") AS c FROM "+mysql.QuoteName(table)+" LIMIT 0"); err != nil {
		return "", err
	}
	rows, err := l.Pool.Sessions[0].Table(ctx, "SHOW FULL COLUMNS FROM "+trial)
	if dropped := l.Pool.Exec(ctx, "DROP TEMPORARY TABLE "+trial); err == nil {
		err = dropped
	}
	if err != nil || len(rows) == 0 {
		return "", err
	}
	kind := rows[0]["type"]
	if collation := rows[0]["collation"]; collation != "" {
		kind += " COLLATE " + collation
	}
	return kind, nil
}
