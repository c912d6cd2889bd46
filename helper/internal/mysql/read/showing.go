package read

import (
	"context"
	"database/sql"
	"errors"
)

// Our sessions are read-only, so that nothing on staging can change by mistake. But in a read-only transaction, a server does
// not even show the columns of a view that calls a sequence or a function that writes. Nothing is executed where views are
// shown, and so a session may write just then.

func beginShowing(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SET SESSION TRANSACTION READ WRITE")
	return err
}

func endShowing(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY")
	return err
}

// showing runs something that shows views.
func showing(ctx context.Context, conn *sql.Conn, do func() error) error {
	if err := beginShowing(ctx, conn); err != nil {
		return err
	}
	return errors.Join(do(), endShowing(ctx, conn))
}
