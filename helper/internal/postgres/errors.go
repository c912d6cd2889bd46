// Package postgres is what reading from PostgreSQL and loading into it have in common: quoting, and the codes of errors.
package postgres

import (
	"errors"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
)

// ServerSays gives the server's own message where there is one: pgconn's repeats the connection's
// settings.
func ServerSays(err error) error {
	var serverError *pgconn.PgError
	if errors.As(err, &serverError) {
		return serverError
	}
	return err
}

// Codes of the server's errors.
const (
	PgNotAuthorised      = "28000"
	PgDeadlock           = "40P01"
	PgTooManyConnections = "53300"
	PgWrongPassword      = "28P01"
	PgUnknownDatabase    = "3D000"
	PgDenied             = "42501"
	PgUndefinedObject    = "42704"
	PgDuplicateSchema    = "42P06"
	PgObjectInUse        = "55006"
	PgDiskFull           = "53100"
	PgNotSupported       = "0A000"
	PgUndefinedFile      = "58P01"
	PgUndefinedTable     = "42P01"
	PgLockTimeout        = "55P03"
	PgAdminShutdown      = "57P01"
	PgCrashShutdown      = "57P02"
)

// SQLState gives the code of the server's error, "" where err is not one.
func SQLState(err error) string {
	var serverError *pgconn.PgError
	if errors.As(err, &serverError) {
		return serverError.Code
	}
	return ""
}

// PgValue finds the value of a row that PostgreSQL quotes at the end of its messages.
var PgValue = regexp.MustCompile(`(?s): ".*"$`)
