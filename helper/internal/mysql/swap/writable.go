package swap

import (
	"context"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// writable fails with *SettingError if the server refuses changes from this account, and with *BusyError if somebody keeps the whole server locked
// against changes: FLUSH TABLES WITH READ LOCK, or a backup. A read-only server still takes changes from administrators, so a statement that
// changes nothing tries it.
func (db *Database) writable(ctx context.Context, s *session.Session) error {
	for round := 1; ; round++ {
		err := s.Exec(ctx, "DROP TABLE IF EXISTS "+mysql.QuoteName(db.Names.Incoming)+"."+mysql.QuoteName("none"))
		switch errno := mysql.Errno(err); {
		case errno == mysql.ErrnoUnknownDatabase, mysql.Is(err, fault.Privilege): // making the database will say which privilege
			return nil
		case errno != mysql.ErrnoLockWaitTimeout:
			return db.Classify("write to the local server", err)
		case round == 1:
			db.Config.Note("the whole local server is locked against changes; waiting for " + s.WhoLocksAll(ctx))
		case round == session.LockRounds:
			return &target.BusyError{Name: db.Names.Live, Holder: "the whole server is locked against changes by " + s.WhoLocksAll(ctx)}
		}
	}
}
