package swap

import (
	"context"
	"fmt"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A part with somebody's work can be reached only through all younger earlier databases, which are parts as well where tables have stayed. So
// that these need not be kept for it, it takes over what it lacks of the next younger one. That one is then dropped.

const (
	journalMerged   = session.JournalPrefix + "merged"   // the journal that an earlier database will have
	journalReplaced = session.JournalPrefix + "replaced" // the one that it had
)

// MariaDB since 10.6, and MySQL since 8.0 if all tables are InnoDB, execute RENAME TABLE as a whole, even if they die meanwhile.
const atomicSinceMariaDB, atomicSinceMySQL = 100600, 80000

// mergeSurplus merges earlier databases until there are no more than keep, as far as it goes, and returns the list of those that are left. The
// youngest is never merged.
func (db *Database) mergeSurplus(ctx context.Context, s *session.Session, all []target.Kept) ([]target.Kept, error) {
	if !db.Release.Since(atomicSinceMariaDB, atomicSinceMySQL) {
		return all, nil
	}
	for len(all) > max(db.Config.Keep, 1) && len(all) > 2 {
		last := len(all) - 1
		older, younger := all[last], all[last-1]
		if !older.Part || older.Base != younger.State {
			break
		}
		work, err := db.hasWork(ctx, s, older.Database)
		if err == nil && work {
			work, err = db.hasWork(ctx, s, younger.Database)
			work = !work
		}
		if err != nil || !work {
			return all, err
		}
		merged, err := db.merge(ctx, s, older, younger)
		if err != nil || !merged {
			return all, err
		}
		if all, err = earlier(ctx, s, db.Names); err != nil {
			return all, err
		}
	}
	return all, nil
}

// merge adds to a part the tables of the next younger earlier database that it lacks. One statement moves them, puts the new journal in the place of the
// old one, and dooms the younger database. It reports false if the two do not fit together.
func (db *Database) merge(ctx context.Context, s *session.Session, older, younger target.Kept) (bool, error) {
	to, from := at(db.Names, older.Database), at(db.Names, younger.Database)
	e, err := readExtent(ctx, s, to, session.JournalDone)
	if err != nil {
		return false, err
	}
	other, err := readExtent(ctx, s, from, session.JournalDone)
	if err != nil {
		return false, err
	}
	if len(e.Staying) == 0 || len(other.Staying) == 0 && !other.isAll() {
		return false, nil // the user has chosen the tables of one of them
	}
	var moves []string
	move := func(database, table, toDatabase, toTable string) {
		moves = append(moves, mysql.QuoteQualified(database, table)+" TO "+mysql.QuoteQualified(toDatabase, toTable))
	}
	lacks := extent{Tables: e.Staying}
	tables, err := movesOf(ctx, s, younger.Database, older.Database, lacks)
	if err != nil {
		return false, err
	}
	var come []string
	if whole, err := db.renamesAsWhole(ctx, s, older.Database, younger.Database); err != nil || !whole {
		return false, err
	}
	for _, m := range tables {
		move(m.From, m.Table, m.To, m.Table)
		come = append(come, m.Table)
	}
	left := e.besides(come)
	if err := writeMerged(ctx, s, to, from, lacks, left, target.Descent{Serial: older.Serial, Replaced: older.Descent.Replaced, State: older.State, Base: younger.Base}); err != nil {
		return false, err
	}
	target.OnStep("merged journal written")
	move(older.Database, session.JournalDone, older.Database, journalReplaced)
	move(older.Database, journalMerged, older.Database, session.JournalDone)
	move(younger.Database, session.JournalDone, younger.Database, journalDropped)
	if err := s.Exec(ctx, "RENAME TABLE "+strings.Join(moves, ", ")); err != nil {
		return false, err
	}
	target.OnStep("earlier databases merged")
	if err := s.Exec(ctx, "DROP TABLE "+mysql.QuoteQualified(older.Database, journalReplaced)); err != nil {
		return false, err
	}
	db.noteUndropped(younger.Database, dropOlder(ctx, s, younger.Database, pruneRounds))
	return true, nil
}

// writeMerged writes the journal that an earlier database has after it was merged: its own, with the triggers of the tables that come, and with
// another extent and descent.
func writeMerged(ctx context.Context, s *session.Session, to, from target.Names, comes, e extent, line target.Descent) error {
	merged, done := mysql.QuoteQualified(to.Previous, journalMerged), mysql.QuoteQualified(to.Previous, session.JournalDone)
	for _, statement := range []string{
		// An interrupted run may have left either.
		fmt.Sprintf("DROP TABLE IF EXISTS %s, %s", merged, mysql.QuoteQualified(to.Previous, journalReplaced)),
		fmt.Sprintf("CREATE TABLE %s LIKE %s", merged, done),
		fmt.Sprintf("INSERT INTO %s SELECT * FROM %s WHERE kind NOT IN (%s, %s)", merged, done, mysql.QuoteText(string(extentKind)), mysql.QuoteText(string(descentKind))),
	} {
		if err := s.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if !e.isAll() {
		if err := noteInJournal(ctx, s, to, journalMerged, bothSides, extentKind, e); err != nil {
			return err
		}
	}
	if err := noteInJournal(ctx, s, to, journalMerged, bothSides, descentKind, line); err != nil {
		return err
	}
	was, err := readJournal(ctx, s, from, session.JournalDone, oldSide)
	if err != nil {
		return err
	}
	for _, o := range was.objects {
		if (o.Kind == mysql.Trigger || o.Kind == foreignKey) && comes.has(o.Table) {
			if err := addObject(ctx, s, to, journalMerged, oldSide, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// renamesAsWhole reports whether a RENAME TABLE of tables of some databases is atomic.
func (db *Database) renamesAsWhole(ctx context.Context, s *session.Session, databases ...string) (bool, error) {
	if db.Release.IsMariaDB() {
		return true, nil
	}
	for _, database := range databases {
		others, err := s.List(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB'", database)
		if err != nil || len(others) > 0 {
			return false, err
		}
	}
	return true, nil
}
