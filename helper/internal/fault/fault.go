// Package fault names what can be wrong between this program and a database server, whichever engine it runs and whether it is read or
// replaced. Each engine has one table that turns its servers' errors into these kinds; packages source and target make their own errors of
// them.
package fault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/silence"
)

// Kind is what is wrong. It is an error, so that errors.Is finds it.
type Kind string

func (k Kind) Error() string { return string(k) }

// What can be wrong.
const (
	// None: the error is of no kind that is known here.
	None Kind = ""
	// Auth: the server refused the user, the password, or the host that they come from.
	Auth Kind = "access denied"
	// PasswordExpired: the server accepts the password, and nothing but a new one.
	PasswordExpired Kind = "password expired"
	// AccountLocked: the account may not log in, for now or at all.
	AccountLocked Kind = "account locked"
	// HostBlocked: the server refuses this machine after too many failed connections.
	HostBlocked Kind = "this machine is blocked"
	// TLS: the connection cannot be protected as asked.
	TLS Kind = "no protected connection"
	// NoDatabase: the server has no database of that name.
	NoDatabase Kind = "no such database"
	// Privilege: the account may not do what was asked.
	Privilege Kind = "privilege missing"
	// TooManyConnections: the server has no connection left for us.
	TooManyConnections Kind = "too many connections"
	// Limit: a limit of the server or the account is reached, other than that of connections.
	Limit Kind = "limit reached"
	// Unreachable: the host is unknown, refuses connections, or does not answer; or the server is just starting.
	Unreachable Kind = "cannot be reached"
	// Lost: the connection broke while it was in use.
	Lost Kind = "connection lost"
	// LockTimeout: a lock could not be had in time.
	LockTimeout Kind = "lock timeout"
	// BrokenView: a view refers to something that is gone, so that nobody can read it.
	BrokenView Kind = "a view refers to something that does not exist"
	// NoSpace: the server's disk is full.
	NoSpace Kind = "no space left"
)

// Network returns what is wrong below any database protocol, or what an error says that is a Kind already.
func Network(err error) Kind {
	var (
		kind        Kind
		dns         *net.DNSError
		op          *net.OpError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		verify      *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
		authorities *dburl.AuthoritiesError
		silent      *silence.Error
	)
	switch {
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid),
		errors.As(err, &record), errors.As(err, &alert), errors.As(err, &authorities),
		errors.As(err, &op) && strings.HasSuffix(op.Op, " error"): // a TLS alert, "remote error" or "local error"
		return TLS
	case errors.As(err, &kind):
		return kind
	case errors.As(err, &silent):
		return Lost
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial", errors.Is(err, context.DeadlineExceeded):
		return Unreachable
	}
	return None
}
