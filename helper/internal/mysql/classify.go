package mysql

import (
	"errors"
	"slices"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
)

// kinds says what the server's errors mean.
var kinds = []struct {
	kind   fault.Kind
	errnos []uint16
	// said is a part of the message, where the number alone does not tell; "" for any message.
	said string
}{
	{fault.Auth, []uint16{errnoAccessDenied, errnoAuthPlugin, errnoHostNotAllowed, errnoBadHost, errnoAuthProtocol, errnoPluginMissing}, ""},
	{fault.PasswordExpired, []uint16{errnoMustChangePassword, errnoPasswordExpired}, ""},
	{fault.AccountLocked, []uint16{errnoAccountLocked, errnoAccountBlocked}, ""},
	{fault.AccountLocked, []uint16{errnoUserBlocked}, "User is blocked"},
	{fault.AccountLocked, []uint16{errnoMariaDBLocked}, "account is locked"},
	{fault.HostBlocked, []uint16{errnoHostBlocked}, ""},
	{fault.TLS, []uint16{errnoNeedsTLS}, ""},
	{fault.NoDatabase, []uint16{ErrnoUnknownDatabase}, ""},
	{fault.Privilege, []uint16{ErrnoDatabaseDenied, ErrnoTableDenied, errnoColumnDenied, ErrnoSpecificDenied, ErrnoRoutineDenied}, ""},
	{fault.TooManyConnections, []uint16{errnoTooManyConnections, errnoTooManyOfUser, errnoNoThread}, ""},
	{fault.TooManyConnections, []uint16{errnoUserLimit}, "'max_user_connections'"},
	{fault.Limit, []uint16{errnoUserLimit}, ""}, // of so many an hour
	{fault.Lost, []uint16{errnoServerShutdown, errnoConnectionKilled, errnoConnectionAborted, errnoNetworkRead, errnoNetworkReadTime, errnoNetworkWrite,
		errnoNetworkWriteTime}, ""},
	{fault.Lost, []uint16{errnoInactive}, "inactivity"},
	{fault.LockTimeout, []uint16{ErrnoLockWaitTimeout}, ""},
	{fault.BrokenView, []uint16{errnoBrokenView}, ""},
}

// Classify returns what an error of a connection means: one of the server's, the driver's or the network's.
func Classify(err error) fault.Kind {
	var server *driver.MySQLError
	if errors.As(err, &server) {
		for _, row := range kinds {
			for _, errno := range row.errnos {
				if server.Number == errno && strings.Contains(server.Message, row.said) {
					return row.kind
				}
			}
		}
		if IsFull(server) {
			return fault.NoSpace
		}
		return fault.None
	}
	kind := fault.Network(err)
	switch {
	case kind != fault.None:
		return kind
	case errors.Is(err, driver.ErrNoTLS):
		return fault.TLS
	case errors.Is(err, driver.ErrCleartextPassword), errors.Is(err, driver.ErrOldPassword), errors.Is(err, driver.ErrNativePassword), errors.Is(err, driver.ErrUnknownPlugin):
		return fault.Auth
	case IsLost(err):
		return fault.Lost
	}
	return fault.None
}

// passing are errors of the moment, or of the server's state, besides those that Classify knows.
var passing = []uint16{
	errnoOutOfMemory, errnoOutOfSortMemory, errnoOutOfResources, ErrnoDeadlock, ErrnoOptionPrevents, ErrnoInterrupted, ErrnoTableChanged,
	ErrnoTooManyPrepared, ErrnoReadOnlyMode, ErrnoStatementTimeout, ErrnoExecutionTimeout, errnoReplicationHook,
}

// IsVerdict reports whether an error is the server's judgement of a statement or an object. It is not if the server lacks a privilege of the
// account's, room or time, or if it is interrupted or shut down.
func IsVerdict(err error) bool {
	errno := Errno(err)
	switch Classify(err) {
	case fault.None, fault.BrokenView, fault.NoDatabase:
		return errno != 0 && !slices.Contains(passing, errno)
	}
	return false
}

// Is reports whether an error of the server is of a kind.
func Is(err error, kind fault.Kind) bool { return Errno(err) != 0 && Classify(err) == kind }
