package session

import (
	"context"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// SettingBehind returns the setting of the server that is to blame for a statement that has failed; nil if none is known.
func (db *Server) SettingBehind(ctx context.Context, err error) *target.SettingError {
	setting, known := mysql.SettingBehind(err)
	if !known {
		return nil
	}
	// The load's own sessions may be busy.
	s, err := db.Connect(ctx)
	if err != nil {
		return nil
	}
	defer s.Close()
	is, err := s.List(ctx, "SELECT @@GLOBAL."+setting.Name+" AS name")
	if err != nil || len(is) == 0 || strings.EqualFold(is[0], setting.Fine) {
		return nil
	}
	return &target.SettingError{Name: setting.Name, Needs: setting.Needs}
}
