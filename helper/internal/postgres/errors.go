// Package postgres is what reading from PostgreSQL and loading into it have in common: connecting, quoting and errors.
package postgres

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// Plain returns an error in one line, without what pgconn repeats: the server's own, if it sent one. Otherwise host, user and database go from the
// error of a connection, and of several attempts, with TLS and without, all but the first.
func Plain(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server
	}
	var silent *silence.Error
	if errors.As(err, &silent) {
		return silent
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && connect.Unwrap() != nil {
		err = connect.Unwrap()
	}
	if first, _, several := strings.Cut(err.Error(), "\n"); several {
		return errors.New(first)
	}
	return err
}

// Errors of the server by SQLSTATE.
const (
	protocolViolation      = "08P01"
	FeatureNotSupported    = "0A000"
	NotInEncoding          = "22021"
	UntranslatableChar     = "22P05"
	InvalidParameterValue  = "22023"
	idleInTransaction      = "25P03"
	transactionTimeout     = "25P04"
	invalidAuthorization   = "28000"
	invalidPassword        = "28P01"
	UnknownDatabase        = "3D000"
	UnknownSchema          = "3F000"
	SerializationFailure   = "40001"
	DeadlockDetected       = "40P01"
	InsufficientPrivilege  = "42501"
	UndefinedColumn        = "42703"
	CheckViolation         = "23514"
	UndefinedFunction      = "42883"
	UndefinedObject        = "42704"
	UndefinedTable         = "42P01"
	DuplicateSchema        = "42P06"
	diskFull               = "53100"
	tooManyConnections     = "53300"
	limitExceeded          = "53400"
	NotInPrerequisiteState = "55000"
	ObjectInUse            = "55006"
	LockNotAvailable       = "55P03"
	QueryCanceled          = "57014"
	adminShutdown          = "57P01"
	crashShutdown          = "57P02"
	cannotConnectNow       = "57P03"
	idleSession            = "57P05"
	UndefinedFile          = "58P01"
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

// IsUnknown reports whether the server lacks something that a statement names.
func IsUnknown(err error) bool {
	return slices.Contains([]string{UndefinedTable, UndefinedFunction, UndefinedObject, UndefinedColumn, UnknownSchema}, SQLState(err))
}

// ServerMessage returns the server's message alone, or the text of an error that is not the server's.
func ServerMessage(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Message
	}
	return err.Error()
}
