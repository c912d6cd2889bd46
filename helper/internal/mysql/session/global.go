package session

import (
	"context"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// globalSetting is one of a whole server, of which no session can have a value of its own.
type globalSetting struct {
	name string
	// fine is the value at which it is not to blame, as the server gives it; needs is what to set it to.
	fine, needs string
}

var dynamicRows = globalSetting{"innodb_default_row_format", "dynamic", "dynamic"}

// globalSettings are those by which a server refuses what another one takes, by the number of the error, which does not name them.
var globalSettings = map[uint16]globalSetting{
	1071:                       dynamicRows, // "Specified key was too long"
	1118:                       dynamicRows, // "Row size too large"
	1709:                       dynamicRows, // "Index column size too large"
	1173:                       {"innodb_force_primary_key", "0", "OFF"},
	1418:                       {"log_bin_trust_function_creators", "1", "ON"}, // "This function has none of DETERMINISTIC, NO SQL, or …"
	1419:                       {"log_bin_trust_function_creators", "1", "ON"}, // "You do not have the SUPER privilege and binary logging is enabled"
	3161:                       {"disabled_storage_engines", "", "''"},
	mysql.ErrnoTooManyPrepared: {"max_prepared_stmt_count", "16382", "16382"},
}

// SettingBehind gives the setting of the server to blame for a statement that has failed; nil where none is known.
func (db *Server) SettingBehind(ctx context.Context, err error) *target.SettingError {
	setting, known := globalSettings[mysql.Errno(err)]
	if !known {
		return nil
	}
	// The load's own sessions may be at work.
	s, err := db.Connect(ctx)
	if err != nil {
		return nil
	}
	defer s.Close()
	is, err := s.List(ctx, "SELECT @@GLOBAL."+setting.name+" AS name")
	if err != nil || len(is) == 0 || strings.EqualFold(is[0], setting.fine) {
		return nil
	}
	return &target.SettingError{Name: setting.name, Needs: setting.needs}
}
