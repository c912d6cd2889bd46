package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Classify turns an error of the driver into one of package target; nil stays nil.
func (db *Server) Classify(action string, err error) error {
	if err == nil {
		return nil
	}
	server := db.Config.URL.Address()
	var serverError *driver.MySQLError
	var busy *target.BusyError
	var stray *target.StrayFilesError
	var wrong *oneserver.WrongServerError
	var denied *target.PrivilegeError
	var outside *target.OutsideError
	var unfit *target.InboundKeyError
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
		case mysql.ErrnoAccessDenied, mysql.ErrnoAuthPlugin:
			return &target.AuthError{User: db.Config.URL.User, Server: server, Err: err}
		case mysql.ErrnoDatabaseDenied, mysql.ErrnoTableDenied, mysql.ErrnoSpecificDenied, mysql.ErrnoRoutineDenied:
			return &target.PrivilegeError{Action: action, Grant: db.grant(), Err: err}
		case mysql.ErrnoServerShutdown:
			return &target.LostError{Server: server, Err: err}
		case mysql.ErrnoReadOnlyMode:
			return &target.SettingError{Name: "innodb_force_recovery or innodb_read_only", Err: fmt.Errorf("%s: %w", action, err)}
		case mysql.ErrnoOptionPrevents: // "The MySQL server is running with the --read-only option so it cannot execute this statement"
			if option := mysql.ServerOption.FindStringSubmatch(serverError.Message); option != nil {
				return &target.SettingError{Name: strings.ReplaceAll(option[1], "-", "_"), Err: fmt.Errorf("%s: %w", action, err)}
			}
		}
		if serverError.Number == mysql.ErrnoTooManyPrepared {
			setting := globalSettings[mysql.ErrnoTooManyPrepared]
			return &target.SettingError{Name: setting.name, Needs: setting.needs, Err: fmt.Errorf("%s: %w", action, err)}
		}
		if mysql.IsFull(serverError) {
			return &target.NoSpaceError{Server: server, Err: err}
		}
	case mysql.IsLost(err):
		return &target.LostError{Server: server, Err: err}
	}
	return fmt.Errorf("%s: %w", action, err)
}
