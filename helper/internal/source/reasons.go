package source

import "strings"

// reasons lists words from the messages of dump clients and the errors that they mean. The first match wins, so the
// specific words come first. The clients of MySQL and MariaDB also print error numbers, but not always in the same form.
var reasons = []struct {
	words string
	kind  error
}{
	{"lock timeout", ErrGaveWay},
	{"Lock wait timeout exceeded", ErrGaveWay},
	{"Table definition has changed", ErrDefinitionChanged},
	{"(1412)", ErrDefinitionChanged},
	{"cache lookup failed for", ErrDefinitionChanged},
	{"could not open relation with OID", ErrDefinitionChanged},
	{"conflict with recovery", ErrDefinitionChanged},
	{"references invalid table(s)", ErrBrokenView},
	{"Access denied for user", ErrAuth},
	{"password authentication failed", ErrAuth},
	{"no pg_hba.conf entry", ErrAuth},
	{"no password supplied", ErrAuth},
	{"is not allowed to connect", ErrAuth},
	{"Unknown database", ErrNoDatabase},
	{"Unknown MySQL server host", ErrUnreachable},
	{"Unknown server host", ErrUnreachable},
	{"could not translate host name", ErrUnreachable},
	{"Can't connect to", ErrUnreachable},
	{"Connection refused", ErrUnreachable},
	{"No route to host", ErrUnreachable},
	{"Too many connections", ErrTooManyConnections},
	{"max_user_connections", ErrTooManyConnections},
	{"too many clients", ErrTooManyConnections},
	{"too many connections for", ErrTooManyConnections}, // a role, a database
	{"remaining connection slots are reserved", ErrTooManyConnections},
	// Before TLS: a broken connection may also show as an error of TLS.
	{"Lost connection", ErrConnectionLost},
	{"server has gone away", ErrConnectionLost},
	{"server closed the connection unexpectedly", ErrConnectionLost},
	{"connection to server was lost", ErrConnectionLost},
	{"terminating connection", ErrConnectionLost},
	{"Connection reset by peer", ErrConnectionLost},
	{"SSL SYSCALL error", ErrConnectionLost},
	{"SSL connection has been closed unexpectedly", ErrConnectionLost},
	{"unexpected eof while reading", ErrConnectionLost},
	{"SSL connection error", ErrTLS},
	{"TLS/SSL error", ErrTLS},
	{"SSL is required", ErrTLS},
	{"server does not support SSL", ErrTLS},
	{"certificate verify failed", ErrTLS},
	{"command denied to user", ErrPrivilege},
	{"privileges to SHOW CREATE", ErrPrivilege},
	{"you need (at least one of)", ErrPrivilege},
	{"permission denied for", ErrPrivilege},
	{"row-level security", ErrPrivilege},
	{lockRefused, ErrGaveWay},
}

// lockRefused is what pg_dump says when it waited in vain for its locks on tables: it limits the time of the statement.
const lockRefused = "Query was: LOCK TABLE"

// ReasonOf returns the error that a dump client's messages mean, or nil if they match none.
func ReasonOf(lines []string) error {
	text := strings.Join(lines, "\n")
	for _, reason := range reasons {
		if strings.Contains(text, reason.words) {
			return reason.kind
		}
	}
	return nil
}
