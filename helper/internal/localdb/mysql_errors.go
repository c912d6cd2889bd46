package localdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
)

// Numbers of the server's errors.
const (
	mysqlFilesLeft          = 1010
	mysqlTooManyConnections = 1040
	mysqlDatabaseDenied     = 1044
	mysqlAccessDenied       = 1045
	mysqlUnknownDatabase    = 1049
	mysqlTableExists        = 1050
	mysqlUnknownCommand     = 1047
	mysqlServerShutdown     = 1053
	mysqlUnknownColumn      = 1054
	mysqlNothingToDrop      = 1091
	mysqlEmptyQuery         = 1065
	mysqlTableFull          = 1114
	mysqlUnknownTable       = 1146
	mysqlTableDenied        = 1142
	mysqlUnknownVariable    = 1193
	mysqlLockWaitTimeout    = 1205
	mysqlDeadlock           = 1213
	mysqlRoutineDenied      = 1370
	mysqlSpecificDenied     = 1227
	mysqlWrongValue         = 1231
	mysqlOptionPrevents     = 1290
	mysqlUnsupportedPrepare = 1295
	mysqlTooManyPrepared    = 1461
	mysqlEventEndsEarly     = 1543
	mysqlEventInThePast     = 1588
	mysqlEventPastChange    = 1589
	mysqlAuthPlugin         = 1698
	mysqlReadOnlyMode       = 1836
	mysqlFolderStays        = 3607
	mysqlFolderExists       = 3678
	mysqlFolderLeft         = 3681
)

// number gives the number of the server's error, 0 where err is not one.
func number(err error) uint16 {
	var serverError *mysql.MySQLError
	if errors.As(err, &serverError) {
		return serverError.Number
	}
	return 0
}

// explain turns what the driver says into this package's errors; nil stays nil.
func (db *mysqlServer) explain(action string, err error) error {
	if err == nil {
		return nil
	}
	server := db.config.URL.Address()
	var serverError *mysql.MySQLError
	var busy *BusyError
	var stray *StrayFilesError
	var wrong *oneserver.WrongServerError
	var denied *PrivilegeError
	var outside *OutsideError
	var unfit *InboundKeyError
	switch {
	case errors.As(err, &wrong):
		return wrong
	case errors.As(err, &busy):
		return busy
	case errors.As(err, &stray):
		return stray
	case errors.As(err, &denied):
		return denied
	case errors.As(err, &outside):
		return outside
	case errors.As(err, &unfit):
		return unfit
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", action, err)
	case errors.As(err, &serverError):
		switch serverError.Number {
		case mysqlAccessDenied, mysqlAuthPlugin:
			return &AuthError{User: db.config.URL.User, Server: server, Err: err}
		case mysqlDatabaseDenied, mysqlTableDenied, mysqlSpecificDenied, mysqlRoutineDenied:
			return &PrivilegeError{Action: action, Grant: db.grant(), Err: err}
		case mysqlServerShutdown:
			return &LostError{Server: server, Err: err}
		case mysqlReadOnlyMode:
			return &SettingError{Name: "innodb_force_recovery or innodb_read_only", Err: fmt.Errorf("%s: %w", action, err)}
		case mysqlOptionPrevents: // "The MySQL server is running with the --read-only option so it cannot execute this statement"
			if option := serverOption.FindStringSubmatch(serverError.Message); option != nil {
				return &SettingError{Name: strings.ReplaceAll(option[1], "-", "_"), Err: fmt.Errorf("%s: %w", action, err)}
			}
		}
		if serverError.Number == mysqlTooManyPrepared {
			setting := globalSettings[mysqlTooManyPrepared]
			return &SettingError{Name: setting.name, Needs: setting.needs, Err: fmt.Errorf("%s: %w", action, err)}
		}
		if isFull(serverError) {
			return &NoSpaceError{Server: server, Err: err}
		}
	case isLost(err):
		return &LostError{Server: server, Err: err}
	}
	return fmt.Errorf("%s: %w", action, err)
}

// serverOption finds what a server calls a setting of its own that keeps it from doing something.
var serverOption = regexp.MustCompile(`--([a-z][a-z-]+)`)

func isFull(err *mysql.MySQLError) bool {
	const diskFull = 1021
	return slices.Contains([]uint16{mysqlTableFull, diskFull}, err.Number) ||
		strings.Contains(err.Message, "No space left on device") ||
		strings.Contains(err.Message, "errno: 28") || strings.Contains(err.Message, "error 28 ")
}

func isLost(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// rowValues finds what servers quote of a row in their messages.
var rowValues = regexp.MustCompile(`(?s)(entry|value:?) '.*' (for)|( near) '.*'`)

// withoutValues takes the values of rows out of a server's message.
func withoutValues(message string) string {
	return rowValues.ReplaceAllString(message, "$1$3 … $2")
}
