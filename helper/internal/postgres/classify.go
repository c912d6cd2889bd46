package postgres

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
)

// kinds says what the server's errors mean.
var kinds = map[string]fault.Kind{
	invalidAuthorization:  fault.Auth,
	invalidPassword:       fault.Auth,
	UnknownDatabase:       fault.NoDatabase,
	InsufficientPrivilege: fault.Privilege,
	diskFull:              fault.NoSpace,
	tooManyConnections:    fault.TooManyConnections,
	limitExceeded:         fault.Limit,
	LockNotAvailable:      fault.LockTimeout,
	cannotConnectNow:      fault.Unreachable, // it is starting or stopping
	adminShutdown:         fault.Lost,
	crashShutdown:         fault.Lost,
	idleSession:           fault.Lost,
	idleInTransaction:     fault.Lost,
	transactionTimeout:    fault.Lost,
}

// Classify returns what an error of a connection means: one of the server's, the driver's or the network's.
func Classify(err error) fault.Kind {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		if kind, known := kinds[server.Code]; known {
			return kind
		}
		switch {
		case strings.Contains(server.Message, "No space left on device"):
			return fault.NoSpace
		case strings.HasPrefix(server.Code, "08") && server.Code != protocolViolation: // poolers mean all kinds of things by that one
			return fault.Lost
		}
		return fault.None
	}
	var config *ConfigError
	var network net.Error
	kind := fault.Network(err)
	switch {
	case kind != fault.None:
		return kind
	case err == nil:
		return fault.None
	case errors.As(err, &config), strings.Contains(err.Error(), "server refused TLS"):
		return fault.TLS
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		strings.Contains(err.Error(), "conn closed"):
		return fault.Lost
	}
	return fault.None
}

// Is reports whether an error of the server is of a kind.
func Is(err error, kind fault.Kind) bool { return SQLState(err) != "" && Classify(err) == kind }
