package swap

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
)

// writable fails with *SettingError if the server refuses changes from this account. A read-only server still takes
// them from administrators, so a statement that changes nothing tries it.
func (db *Database) writable(ctx context.Context, s *session.Session) error {
	var readOnly string
	err := s.Conn.QueryRowContext(ctx, "SELECT @@GLOBAL.read_only").Scan(&readOnly)
	if err == nil && readOnly != "0" && readOnly != "OFF" {
		err = s.Exec(ctx, "DROP TABLE IF EXISTS "+mysql.QuoteName(db.Names.Incoming)+"."+mysql.QuoteName("none"))
		if mysql.Errno(err) == mysql.ErrnoUnknownDatabase {
			err = nil
		}
	}
	return db.Classify("write to the local server", err)
}
