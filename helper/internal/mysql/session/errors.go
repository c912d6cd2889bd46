package session

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Classify turns an error of the driver into one of package target; nil stays nil.
func (db *Server) Classify(action string, err error) error {
	return db.faulty(action, mysql.Classify(err), err)
}

// classifyConnect does the same for an attempt to connect. If the connection is lost already then, the server counts as
// unreachable.
func (db *Server) classifyConnect(err error) error {
	kind := mysql.Classify(err)
	if kind == fault.Lost {
		kind = fault.Unreachable
	}
	return db.faulty("connect", kind, err)
}

func (db *Server) faulty(action string, kind fault.Kind, err error) error {
	if mysql.Classify(err) == fault.Lost {
		err = db.Pool.watch.Explain(err)
	}
	if setting := settingInTheWay(err); setting != nil {
		setting.Err = fmt.Errorf("%s: %w", action, err)
		return setting
	}
	return target.Attempt{URL: db.Config.URL, Action: action, Grant: db.grant()}.Faulty(kind, err)
}

// settingInTheWay returns the setting of the server that an error names, or that alone can cause it; nil for none.
func settingInTheWay(err error) *target.SettingError {
	var whole *target.SettingError
	if errors.As(err, &whole) {
		return nil
	}
	switch mysql.Errno(err) {
	case mysql.ErrnoReadOnlyMode:
		return &target.SettingError{Name: "innodb_force_recovery or innodb_read_only"}
	case mysql.ErrnoOptionPrevents: // "The MySQL server is running with the --read-only option so it cannot execute this statement"
		if option := mysql.ServerOption.FindStringSubmatch(mysql.ServerMessage(err)); option != nil {
			return &target.SettingError{Name: strings.ReplaceAll(option[1], "-", "_")}
		}
	case mysql.ErrnoTooManyPrepared:
		limit, _ := mysql.SettingBehind(err)
		return &target.SettingError{Name: limit.Name, Needs: limit.Needs}
	}
	return nil
}
