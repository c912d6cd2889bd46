package localdb

import "context"

// writable fails with *SettingError where the server takes no changes from this account. A server that is read-only takes those of
// administrators, so it is tried, by a statement that changes nothing.
func (db *mysqlDatabase) writable(ctx context.Context, s *mysqlSession) error {
	var readOnly string
	err := s.conn.QueryRowContext(ctx, "SELECT @@GLOBAL.read_only").Scan(&readOnly)
	if err == nil && readOnly != "0" && readOnly != "OFF" {
		err = s.exec(ctx, "DROP TABLE IF EXISTS "+quoteName(db.names.incoming)+"."+quoteName("none"))
		if number(err) == mysqlUnknownDatabase {
			err = nil
		}
	}
	return db.explain("write to the local server", err)
}
