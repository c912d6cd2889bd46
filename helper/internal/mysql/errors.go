// Package mysql is what reading from MySQL and MariaDB and loading into them have in common: names, quoting, and the numbers of errors.
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

// Numbers of the server's errors.
const (
	MysqlFilesLeft          = 1010
	MysqlTooManyConnections = 1040
	MysqlDatabaseDenied     = 1044
	MysqlAccessDenied       = 1045
	MysqlUnknownDatabase    = 1049
	MysqlTableExists        = 1050
	MysqlUnknownCommand     = 1047
	MysqlServerShutdown     = 1053
	MysqlUnknownColumn      = 1054
	MysqlNothingToDrop      = 1091
	MysqlEmptyQuery         = 1065
	mysqlTableFull          = 1114
	MysqlUnknownTable       = 1146
	MysqlTableDenied        = 1142
	MysqlUnknownVariable    = 1193
	MysqlLockWaitTimeout    = 1205
	MysqlDeadlock           = 1213
	MysqlRoutineDenied      = 1370
	MysqlSpecificDenied     = 1227
	MysqlWrongValue         = 1231
	MysqlOptionPrevents     = 1290
	MysqlUnsupportedPrepare = 1295
	MysqlTooManyPrepared    = 1461
	MysqlEventEndsEarly     = 1543
	MysqlEventInThePast     = 1588
	MysqlEventPastChange    = 1589
	MysqlAuthPlugin         = 1698
	MysqlReadOnlyMode       = 1836
	MysqlFolderStays        = 3607
	MysqlFolderExists       = 3678
	MysqlFolderLeft         = 3681
)

// ErrorNumber gives the number of the server's error, 0 where err is not one.
func ErrorNumber(err error) uint16 {
	var serverError *driver.MySQLError
	if errors.As(err, &serverError) {
		return serverError.Number
	}
	return 0
}

// ServerOption finds what a server calls a setting of its own that keeps it from doing something.
var ServerOption = regexp.MustCompile(`--([a-z][a-z-]+)`)

// IsFull says whether the server means that a disk is full.
func IsFull(err *driver.MySQLError) bool {
	const diskFull = 1021
	return slices.Contains([]uint16{mysqlTableFull, diskFull}, err.Number) ||
		strings.Contains(err.Message, "No space left on device") ||
		strings.Contains(err.Message, "errno: 28") || strings.Contains(err.Message, "error 28 ")
}

// IsLost says whether the connection is gone.
func IsLost(err error) bool {
	var network net.Error
	return errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, driver.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// rowValues finds what servers quote of a row in their messages.
var rowValues = regexp.MustCompile(`(?s)(entry|value:?) '.*' (for)|( near) '.*'`)

// WithoutValues takes the values of rows out of a server's message.
func WithoutValues(message string) string {
	return rowValues.ReplaceAllString(message, "$1$3 … $2")
}

// ServerMessage is the server's own message, or err's where it is not one of the server.
func ServerMessage(err error) string {
	var serverError *driver.MySQLError
	if errors.As(err, &serverError) {
		return serverError.Message
	}
	return err.Error()
}
