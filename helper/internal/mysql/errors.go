// Package mysql is what reading from MySQL and MariaDB and loading into them have in common: connecting, names, quoting and errors.
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
	errnoDiskFull           = 1021
	ErrnoStorageEngine      = 1030
	errnoOutOfMemory        = 1037
	errnoOutOfSortMemory    = 1038
	errnoTooManyConnections = 1040
	errnoTableReadOnly      = 1036
	errnoOutOfResources     = 1041
	errnoBadHost            = 1042
	ErrnoDatabaseDenied     = 1044
	errnoAccessDenied       = 1045
	ErrnoUnknownCommand     = 1047
	ErrnoUnknownDatabase    = 1049
	ErrnoTableExists        = 1050
	ErrnoNoTableToDrop      = 1051
	errnoServerShutdown     = 1053
	ErrnoUnknownColumn      = 1054
	ErrnoDuplicateColumn    = 1060
	ErrnoEmptyQuery         = 1065
	errnoKeyTooLong         = 1071
	ErrnoNothingToDrop      = 1091
	errnoTableFull          = 1114
	errnoRowTooLong         = 1118
	errnoHostBlocked        = 1129
	errnoHostNotAllowed     = 1130
	errnoNoThread           = 1135
	ErrnoTableDenied        = 1142
	errnoColumnDenied       = 1143
	ErrnoUnknownTable       = 1146
	errnoConnectionAborted  = 1152
	errnoNetworkRead        = 1158
	errnoNetworkReadTime    = 1159
	errnoNetworkWrite       = 1160
	errnoNetworkWriteTime   = 1161
	errnoNeedsPrimaryKey    = 1173
	ErrnoNotCommitted       = 1180
	ErrnoUnknownKey         = 1176
	ErrnoUnknownVariable    = 1193
	errnoTooManyOfUser      = 1203
	ErrnoLockWaitTimeout    = 1205
	ErrnoDeadlock           = 1213
	errnoUserLimit          = 1226
	ErrnoSpecificDenied     = 1227
	ErrnoGlobalVariable     = 1229
	ErrnoWrongValue         = 1231
	ErrnoReadOnlyVariable   = 1238
	errnoAuthProtocol       = 1251
	ErrnoOptionPrevents     = 1290
	ErrnoUnsupportedPrepare = 1295
	ErrnoUnknownRoutine     = 1305
	ErrnoInterrupted        = 1317
	ErrnoOtherKindOfObject  = 1347
	errnoBrokenView         = 1356
	ErrnoUnknownTrigger     = 1360
	ErrnoRoutineDenied      = 1370
	ErrnoTableChanged       = 1412
	ErrnoUnsafeRoutine      = 1418
	ErrnoUnsafeDefiner      = 1419
	ErrnoTooManyPrepared    = 1461
	errnoPluginMissing      = 1524
	ErrnoUnknownEvent       = 1539
	ErrnoEventEndsEarly     = 1543
	ErrnoEventInThePast     = 1588
	ErrnoEventPastChange    = 1589
	ErrnoReadOnlyInSession  = 1621
	errnoAuthPlugin         = 1698
	errnoColumnKeyTooLong   = 1709
	errnoMustChangePassword = 1820
	ErrnoReadOnlyMode       = 1836
	errnoPasswordExpired    = 1862
	errnoConnectionKilled   = 1927 // MariaDB
	ErrnoStatementTimeout   = 1969 // MariaDB
	ErrnoExecutionTimeout   = 3024 // MySQL
	errnoReplicationHook    = 3100 // MySQL
	errnoAccountLocked      = 3118 // MySQL
	errnoNeedsTLS           = 3159 // MySQL
	errnoEngineDisabled     = 3161
	ErrnoFolderStays        = 3607
	ErrnoFolderExists       = 3678
	ErrnoFolderLeft         = 3681
	errnoAccountBlocked     = 3955 // MySQL
	errnoInactive           = 4031 // MySQL; in MariaDB it is about triggers
	ErrnoUnknownSequence    = 4089 // MariaDB
	ErrnoNotASequence       = 4091 // MariaDB
	ErrnoUnknownView        = 4092 // MariaDB
	errnoUserBlocked        = 4150 // MariaDB
	errnoMariaDBLocked      = 4151
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
	return slices.Contains([]uint16{errnoTableFull, errnoDiskFull}, err.Number) ||
		strings.Contains(err.Message, "No space left on device") ||
		strings.Contains(err.Message, "errno: 28") || strings.Contains(err.Message, "error 28 ")
}

// IsRowTooLong says whether a row is too long for its storage engine.
func IsRowTooLong(err error) bool {
	return Errno(err) == errnoRowTooLong || Errno(err) == ErrnoStorageEngine && strings.Contains(ServerMessage(err), "error 139 ")
}

// IsKeyTooLong says whether a key is too long for its storage engine.
func IsKeyTooLong(err error) bool { return Errno(err) == errnoKeyTooLong }

// IsLost says whether the connection is gone.
func IsLost(err error) bool {
	var network net.Error
	return errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, driver.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) ||
		err != nil && strings.HasPrefix(err.Error(), "bad connection") // the driver's, which it does not export, while it connects
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
		return strings.ReplaceAll(serverError.Message, "\n", " ") // it may quote a statement
	}
	return err.Error()
}
