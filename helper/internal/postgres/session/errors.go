package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Classify turns an error of the driver into one of package target; nil stays nil.
func (db *Server) Classify(action string, err error) error {
	if err == nil {
		return nil
	}
	server := db.Config.URL.Address()
	var network net.Error
	var serverError *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", action, err)
	case errors.As(err, &serverError):
		switch {
		case serverError.Code == postgres.InsufficientPrivilege:
			return &target.PrivilegeError{Action: action, Grant: db.grant(), Err: err}
		case serverError.Code == postgres.DiskFull, strings.Contains(serverError.Message, "No space left on device"):
			return &target.NoSpaceError{Server: server, Err: errors.New(serverError.Message)}
		case serverError.Code == postgres.AdminShutdown, serverError.Code == postgres.CrashShutdown:
			return &target.LostError{Server: server, Err: err}
		}
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		strings.Contains(err.Error(), "conn closed"):
		return &target.LostError{Server: server, Err: err}
	}
	return fmt.Errorf("%s: %w", action, err)
}

// grant is the statement that allows the account what a pull does.
func (db *Server) grant() string {
	user := postgres.QuoteIdentifier(db.Config.URL.User)
	return fmt.Sprintf("ALTER ROLE %s CREATEDB; ALTER DATABASE %s OWNER TO %s", user, postgres.QuoteIdentifier(db.Names.Live), user)
}
