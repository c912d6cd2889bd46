package read

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
)

// A table may have a damaged page or no file any more, or a column whose type comes from a library that is gone. Nobody can read its rows
// then. To find all such tables takes reading all rows, so it is done when one has failed, or when they are to be left out.

// brokenTable is a table whose rows nobody can read.
type brokenTable struct {
	relationName
	reason string
}

func (t brokenTable) broken() source.Broken {
	return source.Broken{Kind: "rows of table", Name: t.String(), Reason: t.reason}
}

// unreadableError means that the server could not read a table's rows.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return e.err.Error() }

func (e *unreadableError) Unwrap() error { return e.err }

// isUnreadable reports whether the server's error is about what it has stored. A definition that is just being changed may look the same.
func isUnreadable(err error) bool {
	code := postgres.SQLState(err)
	return strings.HasPrefix(code, "XX") || strings.HasPrefix(code, "58") && postgres.Classify(err) == fault.None
}

// findBroken reads the rows of all tables that go into the dump, and returns those that cannot be read.
func (p *Server) findBroken(ctx context.Context, tx pgx.Tx) (broken []brokenTable, err error) {
	for _, table := range p.copied {
		if _, err := tx.Exec(ctx, "SAVEPOINT reading"); err != nil {
			return nil, err
		}
		_, err := tx.Conn().PgConn().CopyTo(ctx, io.Discard, "COPY "+table.pattern()+" TO STDOUT")
		var server *pgconn.PgError
		switch {
		case isUnreadable(err) && errors.As(err, &server):
			broken = append(broken, brokenTable{table, server.Message})
		case err != nil && postgres.SQLState(err) == "":
			return nil, err
		}
		if _, err := tx.Exec(ctx, "ROLLBACK TO reading"); err != nil {
			return nil, err
		}
	}
	return broken, nil
}

// isBroken returns the table, if nobody can read its rows and they are left out.
func (p *Server) isBroken(name relationName) (brokenTable, bool) {
	i := slices.IndexFunc(p.broken, func(t brokenTable) bool { return t.relationName == name })
	if i < 0 {
		return brokenTable{}, false
	}
	return p.broken[i], true
}

// explain names all tables that cannot be read, if an error comes from one.
func (p *Server) explain(ctx context.Context, err error) error {
	var unreadable *unreadableError
	if !errors.As(err, &unreadable) || ctx.Err() != nil {
		return err
	}
	var broken []brokenTable
	looking := p.session(ctx, func(tx pgx.Tx) (err error) {
		broken, err = p.findBroken(ctx, tx)
		return err
	})
	if looking != nil || len(broken) == 0 {
		return unreadable.err
	}
	all := &source.BrokenError{}
	for _, table := range broken {
		all.Objects = append(all.Objects, table.broken())
	}
	return all
}
