package swap

import (
	"context"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// EarlierChanges says what was changed in an earlier database: see target.Database.
func (db *Database) EarlierChanges(ctx context.Context, earlier target.Earlier) (target.Changes, error) {
	s, err := db.Connect(ctx)
	if err != nil {
		return target.Changes{}, err
	}
	defer s.Close()
	changes, err := db.earlierChanges(ctx, s, earlier.Database, target.SearchPatience)
	return changes, db.Classify("ask whether database "+earlier.Database+" was changed", err)
}

// hasWork says whether an earlier database must be kept because it was changed, or may have been.
func (db *Database) hasWork(ctx context.Context, s *session.Session, database string) (bool, error) {
	if !db.Config.KeepChanged {
		return false, nil
	}
	changes, err := db.earlierChanges(ctx, s, database, 0)
	return changes.Changed(), err
}

// earlierChanges compares an earlier database with what it was after its pull. Its journal has everything that is not
// a table.
func (db *Database) earlierChanges(ctx context.Context, s *session.Session, database string, patience time.Duration) (target.Changes, error) {
	n := at(db.Names, database)
	was, err := readJournal(ctx, s, n, session.JournalDone, oldSide)
	if err != nil {
		return target.Changes{}, err
	}
	tables, err := movesOf(ctx, s, database, n.Live, extent{})
	if err != nil || len(tables) == 0 && len(was.objects) == 0 {
		return target.Changes{}, err
	}
	e, err := readExtent(ctx, s, n, session.JournalDone)
	if err != nil || was.provenance.Fingerprint == nil {
		return target.Changes{Unknown: true}, err
	}
	pulled := *was.provenance.Fingerprint
	if !e.isAll() {
		pulled = within(pulled, e, was.objects)
	}
	changes, err := db.changesIn(ctx, s, database, pulled, was.objects, patience)
	if mysql.Errno(err) != 0 {
		return target.Changes{Unknown: true}, nil // a table is locked, or cannot be read
	}
	return changes.And(was.provenance.Released), err
}

// within reduces a fingerprint to some tables and objects. The fingerprint does not say which of its other objects
// belonged to these tables.
func within(f target.Fingerprint, e extent, objects []object) target.Fingerprint {
	part := target.Fingerprint{Tables: map[string]target.TablePrint{}, Objects: map[string]string{}}
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
