// Package mysql is what reading from MySQL and MariaDB and loading into them have in common: names, quoting and error numbers.
package mysql

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"

	driver "github.com/go-sql-driver/mysql"
)

// Errors of the server by number (errno).
const (
	ErrnoFilesLeft          = 1010
	ErrnoTooManyConnections = 1040
	ErrnoDatabaseDenied     = 1044
	ErrnoAccessDenied       = 1045
	ErrnoUnknownDatabase    = 1049
	ErrnoTableExists        = 1050
	ErrnoUnknownCommand     = 1047
	ErrnoServerShutdown     = 1053
	ErrnoUnknownColumn      = 1054
	ErrnoNothingToDrop      = 1091
	ErrnoEmptyQuery         = 1065
	errnoTableFull          = 1114
	ErrnoUnknownTable       = 1146
	ErrnoTableDenied        = 1142
	ErrnoUnknownVariable    = 1193
	ErrnoLockWaitTimeout    = 1205
	ErrnoDeadlock           = 1213
	ErrnoRoutineDenied      = 1370
	ErrnoSpecificDenied     = 1227
	ErrnoWrongValue         = 1231
	ErrnoOptionPrevents     = 1290
	ErrnoUnsupportedPrepare = 1295
	ErrnoTooManyPrepared    = 1461
	ErrnoEventEndsEarly     = 1543
	ErrnoEventInThePast     = 1588
	ErrnoEventPastChange    = 1589
	ErrnoAuthPlugin         = 1698
	ErrnoReadOnlyMode       = 1836
	ErrnoFolderStays        = 3607
	ErrnoFolderExists       = 3678
	ErrnoFolderLeft         = 3681
)

// Errno returns the number of the server's error, 0 if err is not one.
func Errno(err error) uint16 {
	var serverError *driver.MySQLError
	if errors.As(err, &serverError) {
		return serverError.Number
	}
	return 0
}

// ServerOption finds, in an error, the server's name for the setting that prevents an action.
var ServerOption = regexp.MustCompile(`--([a-z][a-z-]+)`)

// IsFull says whether the server reports a full disk.
func IsFull(err *driver.MySQLError) bool {
	const diskFull = 1021
	return slices.Contains([]uint16{errnoTableFull, diskFull}, err.Number) ||
		strings.Contains(err.Message, "No space left on device") ||
		strings.Contains(err.Message, "errno: 28") || strings.Contains(err.Message, "error 28 ")
}

// IsLost says whether the connection is gone.
func IsLost(err error) bool {
	var network net.Error
	return errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, driver.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// rowValues finds the values of rows that servers quote in their messages.
var rowValues = regexp.MustCompile(`(?s)(entry|value:?) '.*' (for)|( near) '.*'`)

// WithoutValues removes the values of rows from a server's message.
func WithoutValues(message string) string {
	return rowValues.ReplaceAllString(message, "$1$3 … $2")
}

// ServerMessage returns the server's own message, or that of err if the server did not send it.
func ServerMessage(err error) string {
	var serverError *driver.MySQLError
	if errors.As(err, &serverError) {
		return serverError.Message
	}
	return err.Error()
}
