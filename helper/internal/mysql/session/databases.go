package session

import (
	"context"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// LockRounds is how many rounds, of LockRound each, a swap waits for sessions that hold tables of the live database. A test
// shortens it.
var LockRounds = 6

// CreateBeside creates databases with the defaults of the live one. Those that exist stay as they are.
func (s *Session) CreateBeside(ctx context.Context, live string, databases ...string) error {
	rows, err := s.Table(ctx, "SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation_name"+
		" FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?", live)
	if err != nil {
		return err
	}
	defaults := ""
	if len(rows) > 0 {
		defaults = fmt.Sprintf(" CHARACTER SET %s COLLATE %s", rows[0]["charset"], rows[0]["collation_name"])
	}
	for _, database := range databases {
		err := s.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+mysql.QuoteName(database)+defaults)
		if mysql.Errno(err) == mysql.ErrnoFolderExists {
			return &target.StrayFilesError{Database: database, Err: err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
