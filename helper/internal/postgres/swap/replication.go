package swap

import (
	"context"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
)

// What replicates a database belongs to it and not to its name: replication slots go where it goes, and a server drops them with it. Publications are
// among its objects.

// slots lists the replication slots of a database.
func (db *Database) slots(ctx context.Context, database string) (names []string, err error) {
	s, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return slotsOf(ctx, s, database)
}

func slotsOf(ctx context.Context, s *session.Session, database string) (names []string, err error) {
	rows, err := s.Query(ctx, "SELECT 'replication slot ' || slot_name FROM pg_replication_slots WHERE database = $1 ORDER BY slot_name", database)
	for _, row := range rows {
		names = append(names, row[0])
	}
	return names, err
}

// noteReplication says what goes with the live database when it is replaced. s is in another one.
func (db *Database) noteReplication(ctx context.Context, s *session.Session, reachable bool) error {
	leave, err := slotsOf(ctx, s, db.Names.Live)
	if err != nil {
		return err
	}
	if reachable {
		if live, err := db.Enter(ctx); err == nil { // a later step finds out what is wrong
			rows, _ := live.Query(ctx, "SELECT 'publication ' || pubname FROM pg_publication ORDER BY pubname")
			for _, row := range rows {
				leave = append(leave, row[0])
			}
			live.Close()
		}
	}
	if len(leave) > 0 {
		db.Config.Note("what replicates the local database stays with the one that is replaced: " + strings.Join(leave, ", "))
	}
	return nil
}
