package localdb

import (
	"context"
	"time"
)

func (db *postgresDatabase) EarlierChanges(ctx context.Context, earlier Earlier) (Changes, error) {
	action := "ask whether database " + earlier.Database + " was changed"
	s, err := db.connect(ctx, db.maintenance)
	if err != nil {
		return Changes{}, err
	}
	comment, err := s.comment(ctx, earlier.Database)
	s.close()
	if err != nil {
		return Changes{}, db.explain(action, err)
	}
	changes, err := db.earlierChanges(ctx, readLabel(comment), earlier.Database, searchPatience)
	return changes, db.explain(action, err)
}

// hasWork says whether an earlier database, of which a label tells, is kept because it was changed, or may have been.
func (db *postgresDatabase) hasWork(ctx context.Context, l label, database string) (bool, error) {
	if !db.config.KeepChanged {
		return false, nil
	}
	changes, err := db.earlierChanges(ctx, l, database, 0)
	return changes.Changed(), err
}

// earlierChanges compares an earlier database with what it was when a pull put it there.
func (db *postgresDatabase) earlierChanges(ctx context.Context, l label, database string, patience time.Duration) (Changes, error) {
	s, err := db.connect(ctx, database)
	if code(err) != "" {
		return Changes{Unknown: true}, nil // not everybody may look into every database
	}
	if err != nil {
		return Changes{}, err
	}
	defer s.close()
	if l.Previous.Print == nil {
		empty, err := s.isEmpty(ctx)
		return Changes{Unknown: !empty}, err
	}
	changes, err := s.changes(ctx, *l.Previous.Print, db.config.WithoutRows, patience)
	if code(err) != "" {
		return Changes{Unknown: true}, nil
	}
	return changes.and(l.Previous.Released), err
}

// isEmpty says whether the session's database has nothing that somebody has made.
func (s *pgSession) isEmpty(ctx context.Context) (bool, error) {
	f, _, err := s.definitions(ctx)
	if err != nil {
		return false, err
	}
	rows, err := s.query(ctx, "SELECT FROM pg_largeobject_metadata LIMIT 1")
	delete(f.Tables, largeObjects)
	return len(rows) == 0 && len(f.Tables) == 0 && len(f.Objects) == 0, err
}
