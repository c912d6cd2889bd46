package swap

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// EarlierChanges says what was changed in an earlier database: see target.Database.
func (db *Database) EarlierChanges(ctx context.Context, earlier target.Earlier) (target.Changes, error) {
	action := "ask whether database " + earlier.Database + " was changed"
	s, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return target.Changes{}, err
	}
	comment, err := commentOf(ctx, s, earlier.Database)
	s.Close()
	if err != nil {
		return target.Changes{}, db.Classify(action, err)
	}
	changes, err := db.earlierChanges(ctx, readLabel(comment), earlier.Database, target.SearchPatience)
	return changes, db.Classify(action, err)
}

// hasWork says whether an earlier database must be kept because it was changed, or may have been, or because something replicates it. l is its
// label.
func (db *Database) hasWork(ctx context.Context, l label, database string) (bool, error) {
	if slots, err := db.slots(ctx, database); err != nil || len(slots) > 0 {
		return true, err
	}
	if !db.Config.KeepChanged {
		return false, nil
	}
	changes, err := db.earlierChanges(ctx, l, database, 0)
	return changes.Changed(), err
}

// earlierChanges compares an earlier database with what it was after its pull.
func (db *Database) earlierChanges(ctx context.Context, l label, database string, patience time.Duration) (target.Changes, error) {
	s, err := db.Connect(ctx, database)
	if postgres.SQLState(err) != "" {
		return target.Changes{Unknown: true}, nil // not every account may connect to every database
	}
	if err != nil {
		return target.Changes{}, err
	}
	defer s.Close()
	if l.Previous.Fingerprint == nil {
		empty, err := isEmpty(ctx, s)
		return target.Changes{Unknown: !empty}, err
	}
	changes, err := changesIn(ctx, s, *l.Previous.Fingerprint, db.Config.WithoutRows, patience)
	if postgres.SQLState(err) != "" {
		return target.Changes{Unknown: true}, nil
	}
	return changes.And(l.Previous.Released), err
}

// isEmpty says whether the session's database has no objects of any user.
func isEmpty(ctx context.Context, s *session.Session) (bool, error) {
	f, _, err := definitions(ctx, s)
	if err != nil {
		return false, err
	}
	rows, err := s.Query(ctx, "SELECT FROM pg_largeobject_metadata LIMIT 1")
	delete(f.Tables, largeObjects)
	return len(rows) == 0 && len(f.Tables) == 0 && len(f.Objects) == 0, err
}
