package localdb

import (
	"context"
	"time"
)

func (db *mysqlDatabase) EarlierChanges(ctx context.Context, earlier Earlier) (Changes, error) {
	s, err := db.connect(ctx)
	if err != nil {
		return Changes{}, err
	}
	defer s.close()
	changes, err := db.earlierChanges(ctx, s, earlier.Database, searchPatience)
	return changes, db.explain("ask whether database "+earlier.Database+" was changed", err)
}

// hasWork says whether an earlier database is kept because it was changed, or may have been.
func (db *mysqlDatabase) hasWork(ctx context.Context, s *mysqlSession, database string) (bool, error) {
	if !db.config.KeepChanged {
		return false, nil
	}
	changes, err := db.earlierChanges(ctx, s, database, 0)
	return changes.Changed(), err
}

// earlierChanges compares an earlier database with what it was when a pull put it there. Its journal has what is no table.
func (db *mysqlDatabase) earlierChanges(ctx context.Context, s *mysqlSession, database string, patience time.Duration) (Changes, error) {
	n := db.names.at(database)
	was, err := s.readJournal(ctx, n, journalDone, oldSide)
	if err != nil {
		return Changes{}, err
	}
	tables, err := s.moves(ctx, database, n.live, extent{})
	if err != nil || len(tables) == 0 && len(was.objects) == 0 {
		return Changes{}, err
	}
	e, err := s.readExtent(ctx, n, journalDone)
	if err != nil || was.held.Print == nil {
		return Changes{Unknown: true}, err
	}
	pulled := *was.held.Print
	if !e.isAll() {
		pulled = pulled.within(e, was.objects)
	}
	changes, err := db.changesIn(ctx, s, database, pulled, was.objects, patience)
	if number(err) != 0 {
		return Changes{Unknown: true}, nil // somebody has locked a table, or it cannot be read
	}
	return changes.and(was.held.Released), err
}

// within gives what a fingerprint says of some tables and objects. Which of its other objects belonged to these tables it does not say.
func (f fingerprint) within(e extent, objects []object) fingerprint {
	part := fingerprint{Tables: map[string]tablePrint{}, Objects: map[string]string{}}
	for name, table := range f.Tables {
		if e.has(name) {
			part.Tables[name] = table
		}
	}
	for _, o := range objects {
		if hash, known := f.Objects[o.key()]; known {
			part.Objects[o.key()] = hash
		}
	}
	return part
}
