package swap

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
)

// writable fails with *SettingError where the server takes no changes from this account. A server that is read-only takes those of
// administrators, so it is tried, by a statement that changes nothing.
func (db *Database) writable(ctx context.Context, s *session.Session) error {
	var readOnly string
	err := s.Conn.QueryRowContext(ctx, "SELECT @@GLOBAL.read_only").Scan(&readOnly)
	if err == nil && readOnly != "0" && readOnly != "OFF" {
		err = s.Exec(ctx, "DROP TABLE IF EXISTS "+mysql.QuoteName(db.Names.Incoming)+"."+mysql.QuoteName("none"))
		if mysql.ErrorNumber(err) == mysql.MysqlUnknownDatabase {
			err = nil
		}
	}
	return db.Explain("write to the local server", err)
}
