package swap

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Untouched finds tables that are as the last pull has left them: see target.Staying.
func (db *Database) Untouched(ctx context.Context, tables []string) ([]string, error) {
	action := "ask which tables of database " + db.Names.Live + " have not changed"
	s, err := db.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	was, err := db.lastPull(ctx, s)
	if err != nil || was == nil {
		return nil, db.Classify(action, err)
	}
	stored, err := printables(ctx, s, db.Names.Live)
	if err != nil {
		return nil, db.Classify(action, err)
	}
	stored = slices.DeleteFunc(stored, func(t printable) bool {
		rows := was.Tables[t.name].Rows
		return !t.plain || rows == "" || rows == unknownRows || !slices.Contains(tables, t.name)
	})
	if stored, err = db.untied(ctx, s, stored); err != nil {
		return nil, db.Classify(action, err)
	}
	if stored, err = db.unchanged(ctx, stored, was); err != nil {
		return nil, db.Classify(action, err)
	}
	stored, err = db.untied(ctx, s, stored)
	return names(stored), db.Classify(action, err)
}

// lastPull returns the fingerprint that the last pull took of the live database; nil if there is none.
func (db *Database) lastPull(ctx context.Context, s *session.Session) (*target.Fingerprint, error) {
	kept, err := ReadProvenance(ctx, s, db.Names)
	if err != nil || kept.Fingerprint == nil {
		return nil, err
	}
	first, _, err := tableNumbers(ctx, s, db.Names.Live)
	if err != nil || !kept.Describes(first) {
		return nil, err
	}
	// Release takes a fingerprint of a database that had been changed already.
	if changed := kept.Released; changed != nil {
		if changed.Unknown || changed.More {
			return nil, nil
		}
		for _, name := range changed.Names {
			delete(kept.Fingerprint.Tables, name)
		}
	}
	return kept.Fingerprint, nil
}

// unchanged returns the tables that have the definitions and the rows of a fingerprint.
func (db *Database) unchanged(ctx context.Context, tables []printable, was *target.Fingerprint) ([]printable, error) {
	pool, err := db.OpenPool(ctx, db.PoolSize())
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	slices.SortFunc(tables, largestFirst)
	var known session.Counts
	if err := db.sumUpSmall(ctx, pool, db.Names.Live, tables, &known); err != nil {
		return nil, err
	}
	var mutex sync.Mutex
	var same []printable
	err = pool.Each(ctx, len(tables), func(ctx context.Context, s *session.Session, i int) error {
		table := tables[i]
		definition, err := mysql.ShowCreateTable(ctx, s.Conn, mysql.QuoteQualified(db.Names.Live, table.name))
		if err == nil && definitionHash(definition, db.Names.Live, table.name, db.Names.Live, nil) != was.Tables[table.name].Definition {
			return nil
		}
		sum := known.Sum(table.name)
		if err == nil && sum == "" {
			sum, err = s.Checksum(ctx, db.Names.Live, table.name)
		}
		if mysql.Errno(err) != 0 {
			return nil // a table that cannot be read is no reason to fail
		}
		if err == nil && sum == was.Tables[table.name].Rows {
			mutex.Lock()
			defer mutex.Unlock()
			same = append(same, table)
		}
		return err
	})
	return same, err
}

// keepPrints completes a fingerprint of the tables that are exchanged by what the last one says of the tables that stay.
func (db *Database) keepPrints(ctx context.Context, s *session.Session, e extent, holds *target.Fingerprint) error {
	was, err := ReadProvenance(ctx, s, db.Names)
	if err != nil || was.Fingerprint == nil {
		return err
	}
	for _, table := range e.Staying {
		holds.Tables[table] = was.Fingerprint.Tables[table]
	}
	return nil
}

// untied returns the tables that no foreign key ties to a table outside of the list.
func (db *Database) untied(ctx context.Context, s *session.Session, tables []printable) ([]printable, error) {
	keys, err := s.Table(ctx, "SELECT TABLE_NAME, IF(UNIQUE_CONSTRAINT_SCHEMA = CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, NULL) AS refers_to"+
		" FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ?", db.Names.Live)
	if err != nil {
		return nil, err
	}
	left := names(tables)
	for more := true; more; {
		more = false
		for _, key := range keys {
			from, to := slices.Index(left, key["table_name"]), slices.Index(left, key["refers_to"])
			if (from < 0) == (to < 0) {
				continue
			}
			left, more = slices.Delete(left, max(from, to), max(from, to)+1), true
		}
	}
	return slices.DeleteFunc(tables, func(t printable) bool { return !slices.Contains(left, t.name) }), nil
}

func names(tables []printable) []string {
	list := make([]string, len(tables))
	for i, table := range tables {
		list[i] = table.name
	}
	return list
}

// largestFirst compares tables by their size.
func largestFirst(a, b printable) int { return int(min(max(b.size-a.size, -1), 1)) }

// sameTriggers fails with *target.DifferentError if tables that stay have other triggers than in the dump: triggers go with their tables.
func (db *Database) sameTriggers(ctx context.Context, s *session.Session, e extent, incoming []object) error {
	live, err := capture(ctx, s, db.Names.Live)
	if err != nil {
		return db.Classify("read the triggers of database "+db.Names.Live, err)
	}
	here, there := triggersByTable(live, e), triggersByTable(incoming, e)
	var different []string
	for _, table := range slices.Sorted(maps.Keys(here)) {
		if !slices.EqualFunc(here[table], there[table], object.equals) {
			different = append(different, table)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(there)) {
		if here[table] == nil {
			different = append(different, table)
		}
	}
	if len(different) > 0 {
		return &target.DifferentError{Tables: different}
	}
	return nil
}

// triggersByTable returns the triggers of the tables outside an extent, in the order in which they fire.
func triggersByTable(objects []object, e extent) map[string][]object {
	triggers := map[string][]object{}
	for _, o := range objects {
		if o.Kind == mysql.Trigger && !e.has(o.Table) {
			triggers[o.Table] = append(triggers[o.Table], o)
		}
	}
	return triggers
}
