package source

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
)

// What can be wrong with a source, to be asked for with errors.Is. The error around one of these
// names the server and holds the server's own words. What kinds of package fault mean is said there.
var (
	ErrAuth               error = fault.Auth
	ErrPasswordExpired    error = fault.PasswordExpired
	ErrAccountLocked      error = fault.AccountLocked
	ErrHostBlocked        error = fault.HostBlocked
	ErrUnreachable        error = fault.Unreachable
	ErrNoDatabase         error = fault.NoDatabase
	ErrTLS                error = fault.TLS
	ErrTooManyConnections error = fault.TooManyConnections
	ErrLimit              error = fault.Limit
	ErrNoSpace            error = fault.NoSpace
	ErrConnectionLost     error = fault.Lost
	// ErrPrivilege: see PrivilegeError.
	ErrPrivilege error = fault.Privilege
	// ErrBrokenView: no client can dump the view either.
	ErrBrokenView error = fault.BrokenView
	// ErrTLSThroughSSH: tls=verify cannot be had from a MySQL client through DUMP_SSH, since it
	// checks the certificate against the tunnel's own address.
	ErrTLSThroughSSH = errors.New("the certificate cannot be verified by the dump client through DUMP_SSH")
	// ErrSeveralServers: connections to the source lead to different servers, which have no snapshot in common.
	ErrSeveralServers = errors.New("the source is more than one server")
	// ErrDefinitionChanged: a table was altered while it was dumped (MySQL's error 1412 and the
	// like). Another try usually succeeds.
	ErrDefinitionChanged = errors.New("a table's definition changed during the dump")
	// ErrGaveWay: somebody on staging waited for a lock of the dump's, or held one that the dump needs, and the dump
	// ended so that nobody waits for it. Another try may succeed.
	ErrGaveWay = errors.New("the dump gave way to others on staging")
	// ErrSnapshotTooLong: the dump was ended because it made the server keep old versions of rows for too long.
	ErrSnapshotTooLong = errors.New("the dump took too long")
	// ErrNotUTF8: names of tables or other things are no UTF-8, and the server does not know what they are.
	ErrNotUTF8 = errors.New("the database has the encoding SQL_ASCII, and names in it are not UTF-8")
	// ErrRowsUnseen: columns are to be masked, but a command or a dump client makes the dump, whose rows are not looked at.
	ErrRowsUnseen = errors.New("columns can only be masked where rows are read one by one")
	// ErrForwardingDenied: the SSH server does not allow connections to be forwarded.
	ErrForwardingDenied = errors.New("the SSH server forbids forwarding")
	// ErrSSHConfig: ~/.ssh/config or known_hosts asks for something that is not supported here, or
	// cannot be read.
	ErrSSHConfig = errors.New("ssh configuration")
)

// A PrivilegeError says what the user may not do. It is an ErrPrivilege.
type PrivilegeError struct {
	User    string   // as the server knows it
	Missing []string // privileges, such as SELECT
	On      []string // the tables or views concerned; empty where it is the whole database
	Grant   string   // the statement that grants it, for somebody who may
}

func (e *PrivilegeError) Error() string {
	text := fmt.Sprintf("%s lacks the privilege %s", e.User, strings.Join(e.Missing, ", "))
	if len(e.On) > 0 {
		text += " on " + Enumerate(e.On)
	}
	return text
}

// Is makes it an ErrPrivilege.
func (e *PrivilegeError) Is(target error) bool { return target == ErrPrivilege }

// ErrHidden says that a session does not see the table that others see.
var ErrHidden = errors.New("a temporary table of the same name hides it, which the server's setting init_connect has made")

// A SettingError says that the server has a setting under which a dump would not be what is there, and that it cannot be told
// to do otherwise.
type SettingError struct {
	Name, Value string
	// Client is true where only the dump client cannot tell it.
	Client bool
	// Needs is what one of the whole server must be set to; "" where an account of more privileges would do.
	Needs string
	Err   error // the server's; may be nil
}

func (e *SettingError) Error() string {
	if e.Client {
		return fmt.Sprintf("the server's setting %s is %s, and the dump client obeys it", e.Name, e.Value)
	}
	return e.Err.Error()
}

func (e *SettingError) Unwrap() error { return e.Err }

// A PoolerError says that a connection pooler stands before the server with which no dump can be made without harm to its
// other clients.
type PoolerError struct {
	Pooler string // "PgBouncer 1.18.0", or "a connection pooler"
	// LentFor is what the pooler lends a session of the server for, "transaction" or "statement"; "" for a connection.
	LentFor string
	// Settings are those that the dump client would need, where the pooler lends sessions for a connection.
	Settings []string
	Server   string // the address of the server behind it; "" if unknown
}

func (e *PoolerError) Error() string {
	if e.LentFor == "" {
		return fmt.Sprintf("%s stands before the server, and takes no settings with which a session begins; the dump client needs %s", e.Pooler, Enumerate(e.Settings))
	}
	return fmt.Sprintf("%s stands before the server, and lends a session for a %s only: what the dump client sets would stay in sessions of the site", e.Pooler, e.LentFor)
}

// An SSHUnreachableError says that the SSH server, or a jump host before it, cannot be reached. It is an
// ErrUnreachable.
type SSHUnreachableError struct {
	Host  string // as the user calls it
	Cause error
}

func (e *SSHUnreachableError) Error() string { return e.Cause.Error() }

func (e *SSHUnreachableError) Unwrap() error { return e.Cause }

// A HostKeyChangedError says that the SSH server shows another key than the one that is known: the
// server was set up anew, or somebody is in between.
type HostKeyChangedError struct {
	Host  string
	File  string // the known_hosts file
	Line  int    // and the line in it
	Known string // fingerprint of the known key, as SHA256:…
	Shown string // fingerprint of the key that the server shows
	Name  string // what to give to ssh to reach the host
}

func (e *HostKeyChangedError) Error() string {
	return fmt.Sprintf("the host key of %s changed: it shows %s, %s:%d has %s", e.Host, e.Shown, e.File, e.Line, e.Known)
}

// A HostKeyUnknownError says that known_hosts has no key for the SSH server.
type HostKeyUnknownError struct {
	Host  string
	Type  string // such as ssh-ed25519
	Shown string // fingerprint of the key that the server shows
	Name  string // what to give to ssh, once, to compare the fingerprint and add the key
}

func (e *HostKeyUnknownError) Error() string {
	return fmt.Sprintf("the host key of %s is not known (it shows %s %s)", e.Host, e.Type, e.Shown)
}

// An SSHKeyError says that no key opened the SSH server.
type SSHKeyError struct {
	User, Host string
	// Agent is false where no ssh-agent runs or answers.
	Agent     bool
	AgentKeys int
	// Tried are the comments or files of the keys that the server was offered and refused.
	Tried []string
	// Locked are key files that need a passphrase and are not in the agent.
	Locked []string
}

func (e *SSHKeyError) Error() string {
	text := fmt.Sprintf("%s@%s: ", e.User, e.Host)
	if len(e.Tried) > 0 {
		return text + "the server accepts none of the keys " + Enumerate(e.Tried)
	}
	switch {
	case !e.Agent:
		text += "no usable key (no ssh-agent)"
	case e.AgentKeys == 0:
		text += "no usable key (the ssh-agent has none)"
	default:
		text += "no usable key (IdentitiesOnly rules out those of the ssh-agent)"
	}
	if len(e.Locked) > 0 {
		text += "; a passphrase protects " + Enumerate(e.Locked)
	}
	return text
}

// A ClientError says that the dump client, or the command, failed. It wraps one of the errors above
// where the client's words are known.
type ClientError struct {
	Client string   // "mariadb-dump 10.11.19", "command"
	Status string   // "exit status 2", "killed by signal 9"
	Stderr []string // the last lines it wrote to standard error
	Reason error
}

func (e *ClientError) Error() string {
	text := fmt.Sprintf("%s failed (%s)", e.Client, e.Status)
	switch {
	case len(e.Stderr) > 0:
		text += ": " + strings.Join(e.Stderr, "; ")
	case e.Reason != nil:
		text += ": " + e.Reason.Error()
	}
	return text
}

func (e *ClientError) Unwrap() error { return e.Reason }

// A ClientMissingError says that no dump client was found.
type ClientMissingError struct {
	Client string // mariadb-dump, mysqldump, pg_dump
	Debian string // the package that has it
	Brew   string // the formula that has it
}

func (e *ClientMissingError) Error() string { return e.Client + " is not installed" }

// A ClientTooOldError says that the dump clients found are older than the server, which they refuse.
type ClientTooOldError struct {
	Client string // "pg_dump 13.4": the newest that was found
	Server string // "15.10"
	Debian string // the package that has one that fits
	Brew   string
}

func (e *ClientTooOldError) Error() string {
	return fmt.Sprintf("%s is too old for a server of version %s", e.Client, e.Server)
}

// Failure joins one of the sentinels with what was being done and the cause.
func Failure(doing string, kind, cause error) error {
	if errors.Is(cause, kind) {
		return fmt.Errorf("%s: %w", doing, cause)
	}
	return fmt.Errorf("%s: %w: %w", doing, kind, cause)
}

// Faulty returns the error for what went wrong with the server or on the way to it: kind is what the engine's table says of the cause.
func Faulty(doing string, kind fault.Kind, cause error) error {
	switch {
	case kind == fault.None, errors.Is(cause, ErrForwardingDenied):
		return fmt.Errorf("%s: %w", doing, cause)
	case kind == fault.LockTimeout:
		return Failure(doing, ErrGaveWay, cause)
	}
	return Failure(doing, kind, cause)
}

// Enumerate joins the first few of a list.
func Enumerate(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// SilentCommandError means that a command has printed nothing for so long that it was ended.
type SilentCommandError struct{ For time.Duration }

func (e *SilentCommandError) Error() string {
	return fmt.Sprintf("the source command has printed nothing for %s, and was ended", e.For)
}
