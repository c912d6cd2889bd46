package load

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// PostgreSQL finds tables in other tablespaces whatever their database is called. So only tablespaces that this
// server lacks are left out.

// inTablespaces removes from a statement the tablespaces that this server lacks; nil if nothing is left of it.
func (l *Load) inTablespaces(ctx context.Context, first string, text []byte) ([]byte, error) {
	begins := func(prefix string) bool { return strings.HasPrefix(first, prefix) }
	isSetting := begins("SET DEFAULT_TABLESPACE") || begins("SET SESSION DEFAULT_TABLESPACE")
	if !isSetting && !begins("CREATE TABLE") && !begins("CREATE UNLOGGED") && !begins("CREATE INDEX") && !begins("CREATE UNIQUE") && !begins("CREATE MATERIALIZED") && !begins("ALTER") {
		return text, nil
	}
	var tokens []sqltext.Token
	for token := sqltext.NextToken(text, 0, sqltext.Postgres); token.Kind != sqltext.End; token = sqltext.NextToken(text, token.End, sqltext.Postgres) {
		tokens = append(tokens, token)
	}
	is := func(i int, word string) bool { return i >= 0 && i < len(tokens) && tokens[i].Is(text, word) }
	if isSetting {
		last := tokens[len(tokens)-1]
		name := strings.Trim(last.Name(text), "'")
		if name == "" || strings.EqualFold(name, "default") {
			return text, nil
		}
		known, err := l.hasTablespace(ctx, name)
		if known || err != nil {
			return text, err
		}
		return nil, nil
	}
	depth := 0
	var edits sqltext.Edits
	for i, token := range tokens {
		if token.IsSymbol(text, '(') {
			depth++
		}
		if token.IsSymbol(text, ')') {
			depth--
		}
		if !is(i, "TABLESPACE") || i+1 >= len(tokens) || i == 0 {
			continue
		}
		ofIndex := is(i-1, "INDEX") && is(i-2, "USING")
		behind := depth == 0 && (tokens[i-1].IsSymbol(text, ')') || is(i+2, "AS") && begins("CREATE MATERIALIZED"))
		moves := depth == 0 && begins("ALTER") && is(i-1, "SET")
		if !ofIndex && !behind && !moves {
			continue // a column may have that name
		}
		known, err := l.hasTablespace(ctx, tokens[i+1].Name(text))
		if err != nil {
			return nil, err
		}
		switch {
		case known:
		case moves:
			return nil, nil
		case ofIndex:
			edits.Replace(tokens[i-2].Start, tokens[i+1].End, "")
		default:
			edits.Replace(token.Start, tokens[i+1].End, "")
		}
	}
	return edits.Apply(text), nil
}

// hasTablespace says whether the server has a tablespace, and tells the user if it does not.
func (l *Load) hasTablespace(ctx context.Context, name string) (bool, error) {
	if l.tablespaces == nil {
		rows, err := l.Lock.Query(ctx, "SELECT spcname FROM pg_tablespace WHERE spcname <> 'pg_global'") // which has the server's own tables alone
		if err != nil {
			return false, l.Server.Classify("list the tablespaces", err)
		}
		for _, row := range rows {
			l.tablespaces = append(l.tablespaces, row[0])
		}
	}
	if slices.Contains(l.tablespaces, name) || slices.Contains(l.tablespaces, strings.ToLower(name)) {
		return true, l.mayUse(ctx, name)
	}
	l.once.About("tablespace "+name, "tablespace "+name+" does not exist here: what the dump has in it comes into that of the database")
	return false, nil
}

// mayUse lets the load's account create tables in a tablespace.
func (l *Load) mayUse(ctx context.Context, tablespace string) error {
	if l.account == nil || slices.Contains(l.granted, tablespace) {
		return nil
	}
	l.granted = append(l.granted, tablespace)
	err := l.Lock.Exec(ctx, "GRANT CREATE ON TABLESPACE "+postgres.QuoteIdentifier(tablespace)+" TO "+postgres.QuoteIdentifier(l.account.Name))
	if postgres.SQLState(err) != "" {
		return nil // then the statement fails
	}
	return l.Server.Classify("allow the use of tablespace "+tablespace, err)
}
