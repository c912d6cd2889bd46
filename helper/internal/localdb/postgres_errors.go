package localdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Codes of the server's errors.
const (
	pgNotAuthorised      = "28000"
	pgDeadlock           = "40P01"
	pgTooManyConnections = "53300"
	pgWrongPassword      = "28P01"
	pgUnknownDatabase    = "3D000"
	pgDenied             = "42501"
	pgUndefinedObject    = "42704"
	pgDuplicateSchema    = "42P06"
	pgObjectInUse        = "55006"
	pgDiskFull           = "53100"
	pgNotSupported       = "0A000"
	pgUndefinedFile      = "58P01"
	pgUndefinedTable     = "42P01"
	pgLockTimeout        = "55P03"
	pgAdminShutdown      = "57P01"
	pgCrashShutdown      = "57P02"
)

// code gives the code of the server's error, "" where err is not one.
func code(err error) string {
	var serverError *pgconn.PgError
	if errors.As(err, &serverError) {
		return serverError.Code
	}
	return ""
}

// explain turns what the driver says into this package's errors; nil stays nil.
func (db *pgServer) explain(action string, err error) error {
	if err == nil {
		return nil
	}
	server := db.config.URL.Address()
	var network net.Error
	var serverError *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", action, err)
	case errors.As(err, &serverError):
		switch {
		case serverError.Code == pgDenied:
			return &PrivilegeError{Action: action, Grant: db.grant(), Err: err}
		case serverError.Code == pgDiskFull, strings.Contains(serverError.Message, "No space left on device"):
			return &NoSpaceError{Server: server, Err: errors.New(serverError.Message)}
		case serverError.Code == pgAdminShutdown, serverError.Code == pgCrashShutdown:
			return &LostError{Server: server, Err: err}
		}
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		strings.Contains(err.Error(), "conn closed"):
		return &LostError{Server: server, Err: err}
	}
	return fmt.Errorf("%s: %w", action, err)
}

// grant is the statement that allows the account what a pull does.
func (db *pgServer) grant() string {
	user := quoteIdentifier(db.config.URL.User)
	return fmt.Sprintf("ALTER ROLE %s CREATEDB; ALTER DATABASE %s OWNER TO %s", user, quoteIdentifier(db.names.live), user)
}

// pgValue finds the value of a row that PostgreSQL quotes at the end of its messages.
var pgValue = regexp.MustCompile(`(?s): ".*"$`)
