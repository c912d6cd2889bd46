// Package postgres is what reading from PostgreSQL and loading into it have in common: quoting and error codes (SQLSTATE).
package postgres

import (
	"errors"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
)

// ServerError returns the error that the server sent, if there is one: pgconn repeats the connection's
// settings.
func ServerError(err error) error {
	var serverError *pgconn.PgError
	if errors.As(err, &serverError) {
		return serverError
	}
	return err
}

// Errors of the server by SQLSTATE.
const (
	InvalidAuthorization  = "28000"
	DeadlockDetected      = "40P01"
	TooManyConnections    = "53300"
	InvalidPassword       = "28P01"
	UnknownDatabase       = "3D000"
	InsufficientPrivilege = "42501"
	UndefinedObject       = "42704"
	DuplicateSchema       = "42P06"
	ObjectInUse           = "55006"
	DiskFull              = "53100"
	FeatureNotSupported   = "0A000"
	UndefinedFile         = "58P01"
	UndefinedTable        = "42P01"
	LockNotAvailable      = "55P03"
	AdminShutdown         = "57P01"
	CrashShutdown         = "57P02"
)

// SQLState returns the code of the server's error, "" if err is not one.
func SQLState(err error) string {
	var serverError *pgconn.PgError
	if errors.As(err, &serverError) {
		return serverError.Code
	}
	return ""
}

// QuotedValue finds the value of a row that PostgreSQL quotes at the end of its messages.
var QuotedValue = regexp.MustCompile(`(?s): ".*"$`)
