package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
)

// Attempt is what failed.
type Attempt struct {
	URL dburl.URL
	// Action is what was being done: "create database x__dump_incoming".
	Action string
	// Grant is the statement with which an administrator allows it.
	Grant string
}

// Faulty returns the error of this package for what went wrong with the server or on the way to it: kind is what the
// engine's table says of err. An error that says everything already stays as it is.
func (a Attempt) Faulty(kind fault.Kind, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", a.Action, err)
	}
	if whole := explained(err); whole != nil {
		return whole
	}
	server := a.URL.Address()
	switch kind {
	case fault.Auth:
		return &AuthError{User: a.URL.User, Server: server, Err: err}
	case fault.Privilege:
		return &PrivilegeError{Action: a.Action, Grant: a.Grant, Err: err}
	case fault.NoSpace:
		return &NoSpaceError{Server: server, Err: err}
	case fault.Lost:
		return &LostError{Server: server, Err: err}
	case fault.Unreachable:
		return &UnreachableError{Server: server, Err: err}
	case fault.PasswordExpired, fault.AccountLocked, fault.HostBlocked, fault.TLS, fault.TooManyConnections, fault.Limit:
		return &RefusedError{Kind: kind, Server: server, Err: err}
	}
	return fmt.Errorf("%s: %w", a.Action, err)
}

// explained returns the error within err that says everything; nil for none.
func explained(err error) error {
	for _, in := range []func(error) error{
		find[*oneserver.WrongServerError], find[*AuthError], find[*RefusedError], find[*PrivilegeError], find[*NoSpaceError], find[*LostError],
		find[*UnreachableError], find[*SettingError], find[*BusyError], find[*StrayFilesError], find[*OutsideError], find[*InboundKeyError],
	} {
		if found := in(err); found != nil {
			return found
		}
	}
	return nil
}

func find[E error](err error) error {
	var found E
	if errors.As(err, &found) {
		return found
	}
	return nil
}
